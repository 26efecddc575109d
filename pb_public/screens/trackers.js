// @ts-check
import { html } from '../vendor/runtime.js';
import { Board } from './plugins/board.js';

/** The project's trackers. @param {{params: {id?: string}}} props */
export default function Screen({ params }) {
  return html`<${Board} key="trackers" collection="trackers" id=${params.id} />`;
}

// @ts-check
import { html } from '../vendor/runtime.js';
import { Board } from './plugins/board.js';

/** The project's sources. @param {{params: {id?: string}}} props */
export default function Screen({ params }) {
  return html`<${Board} key="sources" collection="sources" id=${params.id} />`;
}

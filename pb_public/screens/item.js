// @ts-check
import { html } from '../vendor/runtime.js';
import { refreshCounts } from '../store.js';
import { Detail } from './detail/detail.js';

/** One item by itself; the address is good in every state. @param {{params: {id: string}}} props */
export default function Item({ params }) {
  return html`<div class="item-page"><${Detail} key=${params.id} id=${params.id} onChange=${refreshCounts} top /></div>`;
}

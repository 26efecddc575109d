// @ts-check
import { html, useRef, useState } from '../vendor/runtime.js';
import { Detail } from './detail/detail.js';
import { Asking } from './inbox/asking.js';
import { useDecisions } from './inbox/keys.js';

/** One item by itself; the address is good in every state. @param {{params: {id: string}}} props */
export default function Item({ params }) {
  const [item, setItem] = useState(/** @type {any} */ (null));
  const now = useRef(/** @type {any[]} */ ([])); // one list for one item, so that nothing is provided anew without need
  if (now.current[0] !== item) now.current = item?.id === params.id ? [item] : [];
  useDecisions(() => now.current);
  return html`<div class="item-page"><${Detail} key=${params.id} id=${params.id} onRead=${setItem} top /><${Asking} /></div>`;
}

// @ts-check
// The list itself: only the rows that can be seen are in the page, so that
// 10,000 items cost as much as 30.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../../vendor/runtime.js';
import { number, t } from '../../i18n.js';
import { prefs } from '../../prefs.js';
import { cursor, data, selected, tab, wantFacts } from './state.js';
import { Row } from './row.js';

const SPARE = 8; // rows drawn beyond each edge

/**
 * @typedef {{head: string, n: number, top: number, height: number} | {head?: undefined, item: any, at: number, top: number, height: number}} Line
 */

/**
 * Puts headings between the groups and gives every line its place.
 * @param {any[]} items
 * @param {number} row height in px
 * @returns {{lines: Line[], height: number}}
 */
function layout(items, row) {
  const lines = /** @type {Line[]} */ ([]);
  const head = Math.round(row * 0.55);
  let top = 0;
  items.forEach((item, at) => {
    if (item.group && item.group !== items[at - 1]?.group) {
      let n = 0;
      while (items[at + n]?.group === item.group) n++;
      lines.push({ head: item.group, n, top, height: head });
      top += head;
    }
    lines.push({ item, at, top, height: row });
    top += row;
  });
  return { lines, height: top };
}

/** @param {{onOpen: (id: string) => void}} props */
export function Window({ onOpen }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  const [view, setView] = useState({ top: 0, height: 900 });
  const items = data.items.value;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const row = Math.round((prefs.value.density === 'compact' ? 2.75 : 3.5) * rem);
  const { lines, height } = layout(items, row);
  const from = Math.max(0, lines.findIndex(l => l.top + l.height > view.top) - SPARE);
  let to = from;
  while (to < lines.length && lines[to].top < view.top + view.height + SPARE * row) to++;
  const shown = lines.slice(from, to);
  const active = cursor.value;

  useLayoutEffect(() => {
    const el = frame.current;
    if (!el) return;
    const look = () => setView(v => v.top === el.scrollTop && v.height === el.clientHeight ? v : { top: el.scrollTop, height: el.clientHeight });
    const sizes = new ResizeObserver(look);
    sizes.observe(el);
    el.addEventListener('scroll', look, { passive: true });
    return () => { sizes.disconnect(); el.removeEventListener('scroll', look); };
  }, []);

  useEffect(() => { if (items.length) performance.mark('first-row'); }, [items.length > 0]);

  // the cursor is always in view
  useLayoutEffect(() => {
    const el = frame.current;
    const line = lines.find(l => l.head === undefined && l.item.id === active);
    if (!el || !line) return;
    const first = /** @type {any} */ (line).at === 0 ? 0 : line.top;
    if (first < el.scrollTop) el.scrollTop = first;
    else if (line.top + line.height > el.scrollTop + el.clientHeight) el.scrollTop = line.top + line.height - el.clientHeight;
  }, [active, row]);

  useEffect(() => { if (view.top + 2 * view.height > height) data.more(); }, [view, height]);
  useEffect(() => { wantFacts(shown.flatMap(l => l.head === undefined ? [l.item] : [])); }, [from, to, items]);

  const at = items.findIndex(i => i.id === active);
  return html`<div ref=${frame} class="items" role="listbox" tabindex="0" id="items" aria-label=${t(`tab.${tab.value.id}`)} aria-multiselectable="true"
    aria-activedescendant=${at >= 0 ? `item-${active}` : undefined}>
    <div class="items-all" role="presentation" style=${{ height: `${height}px` }}>
      ${shown.map(l => l.head !== undefined
        ? html`<div key=${`head-${l.head}`} class="group" role="presentation" style=${{ top: `${l.top}px`, height: `${l.height}px` }}><span>${t(l.head === 'escalating' ? 'group.escalating' : `severity.${l.head}`)}</span><span class="count">${number(l.n)}${data.state.value === 'all' ? '' : '+'}</span></div>`
        : html`<${Row} key=${l.item.id} item=${l.item} top=${l.top} height=${l.height} active=${l.item.id === active} checked=${selected.value.has(l.item.id)} at=${l.at} of=${data.state.value === 'all' ? items.length : -1} onOpen=${onOpen} />`)}
    </div></div>`;
}

// @ts-check
import { html, signal } from '../vendor/runtime.js';
import { ago, asDate, dateTime, language, t } from '../i18n.js';
import { Icon } from './icons.js';

const minute = signal(Date.now());
setInterval(() => { minute.value = Date.now(); }, 30_000);

/**
 * How long ago; the full date with its time zone when pointed at.
 * @param {{at: string, full?: boolean}} props
 */
export function Time({ at, full }) {
  if (!at) return null;
  const d = asDate(at);
  const zone = d.toLocaleString(language, { dateStyle: 'full', timeStyle: 'long' });
  return html`<time datetime=${d.toISOString()} title=${zone}>${full ? dateTime(d) : ago(d, minute.value)}</time>`;
}

/**
 * Bars without axes.
 * @param {{values: number[], label: string, width?: number, height?: number}} props
 */
export function Sparkline({ values, label, width = 72, height = 16 }) {
  const top = Math.max(1, ...values);
  const w = width / values.length;
  return html`<svg class="spark" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${label}>
    ${values.map((v, i) => html`<rect x=${(i * w).toFixed(2)} width=${Math.max(1, w - 1).toFixed(2)} y=${v ? (height - Math.max(2, v / top * height)).toFixed(2) : height - 1}
      height=${v ? Math.max(2, v / top * height).toFixed(2) : 1} class=${v ? '' : 'none'} />`)}</svg>`;
}

/**
 * Says what is not there and what to do about it.
 * @param {{icon?: string, title: string, text?: any, children?: any}} props
 */
export function EmptyState({ icon = 'inbox', title, text, children }) {
  return html`<div class="empty"><${Icon} name=${icon} size=${28} /><h2>${title}</h2>${text && html`<p>${text}</p>`}${children && html`<div class="row">${children}</div>`}</div>`;
}

/**
 * @template T
 * @param {{columns: {id: string, label: string, cell: (row: T) => any, end?: boolean}[], rows: T[], keyOf: (row: T) => string, caption: string, sort?: {id: string, down: boolean}, onSort?: (id: string) => void}} props
 * columns that sort have a button for a head when onSort is there
 */
export function Table({ columns, rows, keyOf, caption, sort, onSort }) {
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${caption}><table class="table"><caption class="only-heard">${caption}</caption>
    <thead><tr>${columns.map(c => html`<th key=${c.id} scope="col" class=${c.end ? 'end' : ''} aria-sort=${sort?.id === c.id ? (sort.down ? 'descending' : 'ascending') : undefined}>
      ${onSort ? html`<button type="button" onClick=${() => onSort(c.id)}>${c.label}${sort?.id === c.id && html` <${Icon} name=${sort.down ? 'down' : 'up'} size=${12} />`}</button>` : c.label}</th>`)}</tr></thead>
    <tbody>${rows.map(r => html`<tr key=${keyOf(r)}>${columns.map(c => html`<td key=${c.id} class=${c.end ? 'end' : ''}>${c.cell(r)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

/** @param {{look?: 'warn' | 'bad' | '', icon?: string, children: any}} props a line above a screen */
export function Banner({ look = 'warn', icon = 'warn', children }) {
  return html`<div class=${`banner ${look}`} role="status"><${Icon} name=${icon} /><div>${children}</div></div>`;
}

/** While something is read: quiet grey lines. @param {{rows?: number}} props */
export function Loading({ rows = 6 }) {
  return html`<div class="loading" aria-busy="true"><span class="only-heard">${t('loading')}</span>${Array.from({ length: rows }, () => html`<i></i>`)}</div>`;
}

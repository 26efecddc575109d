// @ts-check
import { html, useState } from '../../vendor/runtime.js';
import { t } from '../../i18n.js';
import { Button, EmptyState, sayProblem, Table } from '../../ui/index.js';
import { download } from './load.js';

/**
 * A chart with its sentence, the same numbers as a table, and as CSV.
 * links lead to the items behind the numbers
 * @param {{title: string, summary: string, note?: any, columns: {id: string, label: string, end?: boolean, cell: (row: any) => any}[], rows: any[], csv: string, csvName: string, empty?: string, children: any, wide?: boolean, links?: {href: string, label: string}[]}} props
 */
export function Figure({ title, summary, note, columns, rows, csv, csvName, empty, children, wide, links = [] }) {
  const [table, setTable] = useState(false);
  return html`<figure class=${`figure card ${wide ? 'wide' : ''}`}>
    <figcaption><h2>${title}</h2>
      <span class="row">${!empty && html`<${Button} small look="plain" aria-pressed=${table} onClick=${() => setTable(!table)}>${t(table ? 'figure.chart' : 'figure.table')}<//>
      <${Button} small look="plain" onClick=${() => download(csv, csvName).catch(sayProblem)}>${t('figure.csv')}<//>`}</span></figcaption>
    ${empty ? html`<p class="figure-none muted">${empty}</p>`
    : table ? html`<div class="figure-table"><${Table} caption=${title} columns=${columns} rows=${rows.map((r, i) => ({ ...r, row: i }))} keyOf=${(/** @type {any} */ r) => String(r.row)} /></div>`
    : children}
    ${!empty && html`<p class="note">${summary}</p>`}
    ${!empty && links.length > 0 && html`<p class="row tight figure-links"><small>${t('figure.show')}</small>${links.map(l => html`<a key=${l.href} href=${l.href}>${l.label}</a>`)}</p>`}
    ${note && html`<p class="note">${note}</p>`}
  </figure>`;
}

/** A number at the top of a screen. @param {{label: string, value: any, note?: any, href?: string}} props */
export function Stat({ label, value, note, href }) {
  const body = html`<span class="stat-label">${label}</span><strong class=${`stat-value ${value === t('not-measured') ? 'none' : ''}`}>${value}</strong><span class="stat-note">${note ?? ''}</span>`;
  return href ? html`<a class="stat card" href=${href}>${body}</a>` : html`<div class="stat card">${body}</div>`;
}

/** @param {{title: string, text?: any, children?: any}} props */
export function NotForYou({ title, text, children }) {
  return html`<${EmptyState} icon="ban" title=${title} text=${text}>${children}<//>`;
}

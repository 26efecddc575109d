// @ts-check
import { html, useEffect, useState } from '../vendor/runtime.js';
import { list } from '../api.js';
import { number, t } from '../i18n.js';
import { projectId } from '../store.js';
import { EmptyState, Loading, Severity, Table, Time } from '../ui/index.js';
import Item from './item.js';

/** The project's issues, the last seen first. @param {{params: {id?: string}}} props */
export default function Issues({ params }) {
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  useEffect(() => {
    if (!params.id) list('issues', { filter: 'project = {:p} && merged_into = ""', params: { p: projectId.value }, sort: '-last_seen', limit: 200 }).then(setRows, () => setRows([]));
  }, [projectId.value, params.id]);
  if (params.id) return html`<${Item} params=${params} />`;
  return html`<div class="screen"><header><h1>${t('issues.title')}</h1></header>
    ${rows === null ? html`<${Loading} />` : rows.length === 0 ? html`<${EmptyState} icon="issues" title=${t('issues.empty')} />`
    : html`<${Table} caption=${t('issues.title')} rows=${rows} keyOf=${(/** @type {any} */ r) => r.id} columns=${[
      { id: 'title', label: t('col.issue'), cell: (/** @type {any} */ r) => html`<a href=${`/issues/${r.id}`}>#${r.number} ${r.title}</a>` },
      { id: 'state', label: t('col.state'), cell: (/** @type {any} */ r) => t(`state.${r.state}`) },
      { id: 'severity', label: t('col.severity'), cell: (/** @type {any} */ r) => html`<${Severity} value=${r.severity} />` },
      { id: 'reporters', label: t('col.reporters'), end: true, cell: (/** @type {any} */ r) => number(r.reporter_count) },
      { id: 'seen', label: t('col.seen'), cell: (/** @type {any} */ r) => html`<${Time} at=${r.last_seen} />` }]} />`}</div>`;
}

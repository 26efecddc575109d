// @ts-check
import { html, useEffect, useState } from '../vendor/runtime.js';
import { list } from '../api.js';
import { t } from '../i18n.js';
import { projectId } from '../store.js';
import { EmptyState, Loading, Table } from '../ui/index.js';

/** The project's trackers. */
export default function Screen() {
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  useEffect(() => {
    list('trackers', { filter: 'project = {:p}', params: { p: projectId.value }, sort: 'created' }).then(setRows, () => setRows([]));
  }, [projectId.value]);
  return html`<div class="screen"><header><h1>${t('nav.trackers')}</h1></header>
    ${rows === null ? html`<${Loading} />` : rows.length === 0 ? html`<${EmptyState} icon="trackers" title=${t('trackers.empty')} />`
    : html`<${Table} caption=${t('nav.trackers')} rows=${rows} keyOf=${(/** @type {any} */ r) => r.id} columns=${[
      { id: 'name', label: t('col.name'), cell: (/** @type {any} */ r) => r.name || r.slug },
      { id: 'plugin', label: t('col.plugin'), cell: (/** @type {any} */ r) => r.plugin },
      { id: 'enabled', label: t('col.enabled'), cell: (/** @type {any} */ r) => t(r.enabled ? 'yes' : 'no') }]} />`}</div>`;
}

// @ts-check
import { html, useEffect, useState } from '../vendor/runtime.js';
import { list } from '../api.js';
import { t } from '../i18n.js';
import { onRecords } from '../realtime.js';
import { projectId } from '../store.js';
import { Loading, Table, Time } from '../ui/index.js';

/** The last decisions, of people and of the pipeline. */
export default function Live() {
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  useEffect(() => {
    const read = () => list('decisions', { filter: 'project = {:p}', params: { p: projectId.value }, sort: '-created', limit: 100, fields: 'id,created,action,subject,actor_kind' }).then(setRows, () => {});
    read();
    return onRecords('feedback', read);
  }, [projectId.value]);
  return html`<div class="screen"><header><h1>${t('nav.live')}</h1></header>
    ${rows === null ? html`<${Loading} />` : html`<${Table} caption=${t('nav.live')} rows=${rows} keyOf=${(/** @type {any} */ r) => r.id} columns=${[
      { id: 'at', label: t('col.when'), cell: (/** @type {any} */ r) => html`<${Time} at=${r.created} />` },
      { id: 'action', label: t('col.action'), cell: (/** @type {any} */ r) => r.action },
      { id: 'by', label: t('col.by'), cell: (/** @type {any} */ r) => r.actor_kind }]} />`}</div>`;
}

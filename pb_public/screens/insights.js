// @ts-check
import { html, useEffect, useState } from '../vendor/runtime.js';
import { call } from '../api.js';
import { number, t } from '../i18n.js';
import { Loading, Table } from '../ui/index.js';

/** The numbers of GET /api/stats, by state. */
export default function Insights() {
  const [stats, setStats] = useState(/** @type {any} */ (null));
  useEffect(() => { call('/api/stats').then(setStats); }, []);
  const rows = stats ? ['feedback', 'issues', 'deliveries'].flatMap(of => Object.entries(stats[of] ?? {}).map(([state, n]) => ({ id: `${of} ${state}`, n: Number(n) }))) : [];
  return html`<div class="screen"><header><h1>${t('nav.insights')}</h1></header>
    ${stats ? html`<${Table} caption=${t('nav.insights')} rows=${rows} keyOf=${(/** @type {any} */ r) => r.id}
      columns=${[{ id: 'state', label: t('col.state'), cell: (/** @type {any} */ r) => r.id }, { id: 'n', label: t('col.count'), end: true, cell: (/** @type {any} */ r) => number(r.n) }]} />` : html`<${Loading} />`}</div>`;
}

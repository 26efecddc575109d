// @ts-check
// What came in, what was decided, how right the engine was. Every number comes
// from a query; where there is none it says so.
import { html, useEffect, useState } from '../vendor/runtime.js';
import { call, list } from '../api.js';
import { number, percent, t } from '../i18n.js';
import { onGap, onRecords } from '../realtime.js';
import { query } from '../router.js';
import { projectId } from '../store.js';
import { Banner, Loading, Tabs } from '../ui/index.js';
import { Alerts } from './insights/alerts.js';
import { Calibration, Clusters, Engines, Severities, Sources, Volume } from './insights/charts.js';
import { Stat } from './parts/figure.js';
import { measured } from './parts/load.js';

const spans = ['7', '30', '90', '365'];

/** @param {number} s seconds */
function duration(s) {
  const [n, unit] = s < 90 ? [s, 'second'] : s < 5400 ? [s / 60, 'minute'] : s < 172_800 ? [s / 3600, 'hour'] : [s / 86_400, 'day'];
  return new Intl.NumberFormat(undefined, { style: 'unit', unit: String(unit), unitDisplay: 'short', maximumFractionDigits: n < 10 ? 1 : 0 }).format(Number(n));
}

export default function Insights() {
  const days = spans.includes(query.value.get('days') ?? '') ? String(query.value.get('days')) : '90';
  const [report, setReport] = useState(/** @type {any} */ (null));
  const [alerts, setAlerts] = useState(/** @type {any[]} */ ([]));
  const [problem, setProblem] = useState('');
  const project = projectId.value;
  useEffect(() => {
    let gone = false;
    const read = () => call('/api/insights', { query: { project, days } }).then(r => { if (!gone) { setReport(r); setProblem(''); } }, e => { if (!gone) setProblem(e.message); });
    const readAlerts = () => list('alerts', { filter: 'project = {:p} && state != "over"', params: { p: project }, sort: '-last', expand: 'issue' }).then(a => { if (!gone) setAlerts(a); }, () => {});
    read();
    readAlerts();
    // numbers of days need no second; the alerts come at once
    const timer = setInterval(() => { if (!document.hidden) read(); }, 60_000);
    const stops = [onRecords('alerts', readAlerts), onGap(() => { read(); readAlerts(); })];
    return () => { gone = true; clearInterval(timer); stops.forEach(stop => stop()); };
  }, [project, days]);
  const none = t('not-measured');
  const r = report;
  const csv = (/** @type {string} */ chart) => `/api/insights.csv?project=${project}&days=${days}&chart=${chart}`;
  const part = (/** @type {any} */ s) => measured(s, v => percent(v.share), none);
  const of = (/** @type {any} */ s) => measured(s, v => t('insights.of', { n: v.n, of: v.of }), '');
  return html`<div class="screen insights"><header><h1>${t('nav.insights')}</h1>
      <${Tabs} label=${t('insights.span')} current=${days} tabs=${spans.map(d => ({ id: d, label: t(`insights.days.${d}`), href: `/insights?days=${d}` }))} /></header>
    ${problem && html`<${Banner} look="bad">${problem}<//>`}
    ${!r ? !problem && html`<${Loading} rows=${12} />` : html`
      <div class="stats">
        <${Stat} label=${t('insights.received')} value=${number(r.received)} note=${t('insights.before', { n: r.received_before })} href="/inbox" />
        <${Stat} label=${t('insights.auto')} value=${part(r.auto_applied)} note=${of(r.auto_applied)} href="/inbox?tab=auto" />
        <${Stat} label=${t('insights.wait')} value=${measured(r.decision_time, v => duration(v.median_s), none)} note=${measured(r.decision_time, v => t('insights.median', { n: v.n }), '')} href="/inbox?tab=decided" />
        <${Stat} label=${t('insights.duplicates')} value=${part(r.duplicates)} note=${of(r.duplicates)} href="/issues?sort=reporter_count" />
        <${Stat} label=${t('insights.overrides')} value=${part(r.overrides)} note=${of(r.overrides)} />
        <${Stat} label=${t('insights.cost')} value=${measured(r.cost, v => v.amount.toFixed(2), none)} note=${measured(r.cost, v => t('insights.calls', { n: v.calls }), t('insights.nomodel'))} />
      </div>
      <${Alerts} alerts=${alerts} rule=${r.spike_rule} />
      <div class="figures">
        <${Volume} report=${r} csv=${csv('volume')} />
        <${Severities} report=${r} csv=${csv('severity')} />
        <${Clusters} report=${r} csv=${csv('clusters')} />
        <${Calibration} report=${r} csv=${csv('calibration')} project=${project} />
        <${Engines} report=${r} csv=${csv('engines')} />
        <${Sources} report=${r} csv=${csv('sources')} />
      </div>`}
  </div>`;
}

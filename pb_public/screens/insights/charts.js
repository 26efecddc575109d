// @ts-check
import { html, useEffect, useMemo, useState } from '../../vendor/runtime.js';
import { maybe } from '../../api.js';
import { language, number, percent, t } from '../../i18n.js';
import { go } from '../../router.js';
import { project as current } from '../../store.js';
import { Chip, Severity, SourceIcon, Time } from '../../ui/index.js';
import { Figure } from '../parts/figure.js';
import { Areas } from '../parts/plot.js';

/** @typedef {{report: any, csv: string}} Props */

const classes = [['bug', '--class-bug'], ['feature', '--class-feature'], ['question', '--class-question'], ['noise', '--class-noise']];
const severities = ['critical', 'high', 'medium', 'low'];
const col = (/** @type {string} */ id, /** @type {string} */ label, /** @type {(r: any) => any} */ cell, end = true) => ({ id, label, end, cell });
const day = (/** @type {string} */ d) => new Date(`${d}T00:00:00Z`).toLocaleDateString(language, { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** Messages a day by class. @param {Props} props */
export function Volume({ report: r, csv }) {
  const series = useMemo(() => classes.map(([c, color]) => ({ label: t(`class.${c}`), color, values: r.volume.map((/** @type {any} */ v) => v[c]) })), [r]);
  const days = useMemo(() => r.volume.map((/** @type {any} */ v) => v.day), [r]);
  const total = (/** @type {string} */ c) => r.volume.reduce((/** @type {number} */ a, /** @type {any} */ v) => a + v[c], 0);
  const summary = t('insights.volume.summary', { n: r.received, bug: total('bug'), feature: total('feature'), question: total('question'), noise: total('noise') });
  return html`<${Figure} wide title=${t('insights.volume')} summary=${summary} csv=${csv} csvName="volume.csv" rows=${[...r.volume].reverse()}
    empty=${r.received ? '' : t('insights.none')} links=${classes.map(([c]) => ({ href: c === 'question' ? '/inbox?tab=questions' : c === 'noise' ? '/inbox?tab=noise' : `/inbox?q=class:${c}`, label: t(`class.${c}`) }))}
    columns=${[col('day', t('col.day'), v => day(v.day), false), ...classes.map(([c]) => col(c, t(`class.${c}`), v => number(v[c])))]}>
    <${Areas} days=${days} series=${series} label=${summary} onDay=${() => go('/inbox')} /><//>`;
}

/** Bugs and features by week and severity, as squares. @param {Props} props */
export function Severities({ report: r, csv }) {
  const top = Math.max(1, ...r.severity.flatMap((/** @type {any} */ w) => severities.map(s => w[s])));
  const sum = (/** @type {string} */ s) => r.severity.reduce((/** @type {number} */ a, /** @type {any} */ w) => a + w[s], 0);
  const all = severities.reduce((a, s) => a + sum(s), 0);
  const summary = t('insights.severity.summary', { critical: sum('critical'), high: sum('high'), medium: sum('medium'), low: sum('low') });
  return html`<${Figure} title=${t('insights.severity')} summary=${summary} csv=${csv} csvName="severity.csv" rows=${[...r.severity].reverse()} empty=${all ? '' : t('insights.none')} links=${severities.map(x => ({ href: `/inbox?q=sev:${x}`, label: t(`severity.${x}`) }))}
    columns=${[col('week', t('col.week'), w => day(w.start), false), ...severities.map(s => col(s, t(`severity.${s}`), w => number(w[s])))]}>
    <div class="heat" role="img" aria-label=${summary} style=${{ '--weeks': r.severity.length }}>
      ${severities.map(s => html`<span key=${s} class="heat-label"><${Severity} value=${s} /></span>${r.severity.map((/** @type {any} */ w) =>
        html`<i key=${w.start} class=${`heat-cell ${s} ${w[s] ? '' : 'none'}`} style=${{ '--share': (0.15 + 0.85 * w[s] / top).toFixed(3) }} title=${`${day(w.start)}: ${number(w[s])}`}></i>`)}`)}
      <span></span><span class="heat-ends"><small>${r.severity[0] && day(r.severity[0].start)}</small><small>${r.severity.length > 1 ? day(r.severity[r.severity.length - 1].start) : ''}</small></span>
    </div><//>`;
}

/** The clusters that were reported most. @param {Props} props */
export function Clusters({ report: r, csv }) {
  const top = Math.max(1, ...r.clusters.map((/** @type {any} */ c) => c.n));
  const spikes = r.clusters.filter((/** @type {any} */ c) => c.spike).length;
  return html`<${Figure} title=${t('insights.clusters')} note=${t('insights.clusters.note')} summary=${t('insights.clusters.summary', { n: r.clusters.length, spikes })} csv=${csv} csvName="clusters.csv"
    rows=${r.clusters} empty=${r.clusters.length ? '' : t('insights.none')}
    columns=${[col('issue', t('col.issue'), c => html`<a href=${`/issues/${c.issue}`}>#${c.number} ${c.title}</a>`, false), col('n', t('col.reports'), c => number(c.n)),
      col('before', t('col.before'), c => number(c.before)), col('reporters', t('col.reporters'), c => number(c.reporters)), col('spike', t('col.spike'), c => c.spike ? t('yes') : '')]}>
    <ol class="bars">${r.clusters.slice(0, 10).map((/** @type {any} */ c) => html`<li key=${c.issue}><a href=${`/issues/${c.issue}`}>
      <span class="bar-text"><span class="bar-name">${c.title}</span>${c.spike && html`<${Chip} look="bad" icon="bolt">${t('col.spike')}<//>`}
        <span class="bar-n num">${number(c.n)}</span><${Delta} n=${c.delta} /></span>
      <span class="bar-line"><i style=${{ width: `${Math.max(2, c.n / top * 100)}%` }}></i></span></a></li>`)}</ol><//>`;
}

/** @param {{n: number}} props */
const Delta = ({ n }) => html`<span class=${`delta num ${n > 0 ? 'up' : ''}`} title=${t('insights.delta')}>${n > 0 ? '+' : ''}${number(n)}</span>`;

/**
 * How often people left the engine's class, by its confidence, with the
 * confidence under which a message waits for a person.
 * @param {Props & {project: string}} props
 */
export function Calibration({ report: r, csv, project }) {
  const [learned, setLearned] = useState(/** @type {any} */ (null));
  useEffect(() => { maybe(`/api/projects/${project}/calibration`).then(setLearned, () => {}); }, [project]);
  const c = r.calibration;
  const set = current.value?.settings ?? {};
  const lines = /** @type {[string, number][]} */ ([['hold', Number(set.hold_below) || 0], ['file', ['balanced', 'full_automation'].includes(set.automation) ? Number(set.auto_above) || 0.9 : 0]]).filter(([, v]) => v > 0);
  const x = (/** @type {number} */ v) => 40 + v * 300, y = (/** @type {number} */ v) => 190 - v * 170;
  const agreed = c ? c.bins.reduce((/** @type {number} */ a, /** @type {any} */ b) => a + b.agreed, 0) / c.n : 0;
  const summary = c ? t('insights.calibration.summary', { n: c.n, share: percent(agreed) }) : '';
  const calibrated = (learned?.sources ?? []).filter((/** @type {any} */ s) => s.calibrated).length;
  return html`<${Figure} title=${t('insights.calibration')} summary=${summary} links=${[{ href: '/settings/automation', label: t('settings.automation') }]} csv=${csv} csvName="calibration.csv" rows=${c?.bins ?? []} empty=${c ? '' : t('insights.calibration.none')}
    note=${learned?.sources?.length ? t('insights.calibration.sources', { n: calibrated, of: learned.sources.length }) : ''}
    columns=${[col('bin', t('col.confidence'), b => `${percent(b.from)}–${percent(b.to)}`, false), col('agreed', t('col.agreed'), b => percent(b.agreed / b.n)), col('n', t('col.decisions'), b => number(b.n))]}>
    <svg class="calibration" viewBox="0 0 360 220" role="img" aria-label=${summary}>
      ${[0, 0.5, 1].map(v => html`<g key=${v}><line x1="40" x2="340" y1=${y(v)} y2=${y(v)} class="grid" /><text x="34" y=${y(v) + 4} text-anchor="end">${percent(v)}</text><text x=${x(v)} y="208" text-anchor="middle">${percent(v)}</text></g>`)}
      <line x1=${x(0)} y1=${y(0)} x2=${x(1)} y2=${y(1)} class="ideal" />
      ${lines.map(([name, v]) => html`<g key=${name}><line x1=${x(v)} x2=${x(v)} y1=${y(0)} y2=${y(1)} class="threshold" /><text x=${x(v) - 4} y=${y(0) - 6} text-anchor="end">${t(`insights.calibration.${name}`)}</text></g>`)}
      ${(c?.bins ?? []).map((/** @type {any} */ b) => html`<circle key=${b.from} cx=${x((b.from + b.to) / 2)} cy=${y(b.agreed / b.n)} r=${3 + 7 * Math.sqrt(b.n / c.n)}><title>${`${percent(b.from)}–${percent(b.to)}: ${b.agreed} / ${b.n}`}</title></circle>`)}
    </svg><//>`;
}

/** Which engine judged, and what it cost. @param {Props} props */
export function Engines({ report: r, csv }) {
  const sums = new Map();
  for (const e of r.engines) {
    const s = sums.get(e.engine) ?? { engine: e.engine, n: 0, calls: 0, cost: 0 };
    sums.set(e.engine, { ...s, n: s.n + e.n, calls: s.calls + e.calls, cost: s.cost + e.cost });
  }
  const mix = [...sums.values()].sort((a, b) => b.n - a.n);
  const all = mix.reduce((a, m) => a + m.n, 0);
  const priced = r.engines.filter((/** @type {any} */ e) => e.cost > 0);
  const summary = mix.map(m => t('insights.engines.one', { engine: m.engine, n: m.n, share: percent(all ? m.n / all : 0) })).join(' ');
  return html`<${Figure} title=${t('insights.engines')} summary=${summary} links=${[{ href: '/inbox?tab=auto', label: t('tab.auto') }, { href: '/settings/engines', label: t('settings.engines') }]} csv=${csv} csvName="engines.csv" rows=${[...r.engines].reverse()} empty=${all ? '' : t('insights.none')}
    note=${r.cost ? '' : t('insights.nomodel')}
    columns=${[col('day', t('col.day'), e => day(e.day), false), col('engine', t('col.engine'), e => e.engine, false), col('n', t('col.messages'), e => number(e.n)), col('calls', t('col.calls'), e => number(e.calls)), col('cost', t('col.cost'), e => e.cost.toFixed(4))]}>
    <div class="mix" role="img" aria-label=${summary}>${mix.filter(m => m.n).map((m, i) => html`<i key=${m.engine} class=${`mix-${i % 4}`} style=${{ flexGrow: m.n }} title=${`${m.engine}: ${number(m.n)}`}></i>`)}</div>
    <ul class="legend">${mix.map((m, i) => html`<li key=${m.engine}><i class=${`mix-${i % 4}`}></i>${m.engine} · ${number(m.n)}${m.cost ? ` · ${m.cost.toFixed(2)}` : ''}</li>`)}</ul>
    ${priced.length > 0 && html`<${Areas} height=${130} days=${r.volume.map((/** @type {any} */ v) => v.day)} label=${t('insights.cost')}
      series=${[{ label: t('insights.cost'), color: '--accent', values: r.volume.map((/** @type {any} */ v) => priced.filter((/** @type {any} */ e) => e.day === v.day).reduce((/** @type {number} */ a, /** @type {any} */ e) => a + e.cost, 0)) }]} />`}<//>`;
}

/** How each source is doing. @param {Props} props */
export function Sources({ report: r, csv }) {
  const silent = r.sources.filter((/** @type {any} */ s) => s.silent).length;
  const ms = (/** @type {number | null} */ v) => v === null ? t('not-measured') : v < 1000 ? `${number(Math.round(v))} ms` : `${(v / 1000).toFixed(1)} s`;
  const columns = [col('source', t('col.source'), s => html`<a href=${`/inbox?q=src:${s.source}`}><${SourceIcon} source=${s.source} word /></a>`, false), col('n', t('col.received'), s => number(s.received)),
    col('last', t('col.last'), s => s.last ? html`<${Time} at=${s.last} />` : t('never'), false), col('p50', 'p50', s => ms(s.p50_ms)), col('p95', 'p95', s => ms(s.p95_ms)),
    col('state', t('col.state'), s => s.silent ? html`<${Chip} look="warn" icon="warn">${t('insights.silent')}<//>` : s.status ? html`<${Chip} look=${s.status === 'running' ? 'good' : ''}>${t(`plugin.state.${s.status}`)}<//>` : '', false)];
  const summary = t('insights.sources.summary', { n: r.sources.length, silent });
  return html`<${Figure} wide title=${t('insights.sources')} summary=${summary} note=${t('insights.sources.note')} csv=${csv} csvName="sources.csv" rows=${r.sources} empty=${r.sources.length ? '' : t('insights.none')} columns=${columns}>
    <div class="figure-table"><table class="table plain"><caption class="only-heard">${t('insights.sources')}</caption><thead><tr>${columns.map(c => html`<th key=${c.id} scope="col" class=${c.end ? 'end' : ''}>${c.label}</th>`)}</tr></thead>
      <tbody>${r.sources.map((/** @type {any} */ s) => html`<tr key=${s.source}>${columns.map(c => html`<td key=${c.id} class=${c.end ? 'end' : ''}>${c.cell(s)}</td>`)}</tr>`)}</tbody></table></div><//>`;
}


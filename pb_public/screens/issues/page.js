// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { call, list, one } from '../../api.js';
import { number, t } from '../../i18n.js';
import { onGap, onRecords } from '../../realtime.js';
import { may } from '../../store.js';
import { Button, Chip, Class, Confidence, EmptyState, Loading, say, sayProblem, Severity, SourceIcon, Sparkline, Time } from '../../ui/index.js';
import { noteDecision } from '../../undo.js';
import { safe, trackerLink } from '../issues.js';
import { Notify } from './notify.js';

/** An issue with everything that points at it. @param {{id: string}} props */
export function IssuePage({ id }) {
  const [issue, setIssue] = useState(/** @type {any} */ (undefined));
  const [merged, setMerged] = useState(/** @type {any[]} */ ([]));
  const [reports, setReports] = useState(/** @type {any[]} */ ([]));
  const [series, setSeries] = useState(/** @type {number[] | null} */ (null));
  const [limit, setLimit] = useState(50);
  const read = async () => {
    const found = await one('issues', id, { expand: 'merged_into,regression_of' });
    setIssue(found);
    if (!found) return;
    const children = await list('issues', { filter: 'merged_into = {:id}', params: { id }, limit: 200 });
    setMerged(children);
    const ids = [id, ...children.map(c => c.id)].slice(0, 60);
    setReports(await list('feedback', { filter: ids.map((_, n) => `issue = {:i${n}}`).join(' || '), params: Object.fromEntries(ids.map((x, n) => [`i${n}`, x])), sort: 'created', expand: 'reporter', limit: limit + 1 }));
    call(`/api/projects/${found.project}/series`, { query: { issues: id, days: 30 } }).then(s => setSeries(s.series[id] ?? null), () => {});
  };
  useEffect(() => {
    read().catch(sayProblem);
    let due = 0;
    const again = () => { clearTimeout(due); due = window.setTimeout(() => read().catch(() => {}), 300); };
    const stops = [onRecords('issues', c => { if (c.record.id === id || c.record.merged_into === id) again(); }), onRecords('feedback', c => { if (c.record.issue === id) again(); }), onGap(again)];
    return () => { clearTimeout(due); stops.forEach(stop => stop()); };
  }, [id, limit]);
  if (issue === undefined) return html`<div class="screen"><${Loading} rows=${10} /></div>`;
  if (issue === null) return html`<div class="screen"><h1 class="only-heard">${t('nowhere.title')}</h1><${EmptyState} icon="search" title=${t('nowhere.title')} text=${t('nowhere.text')}><a class="button" href="/issues">${t('issues.title')}</a><//></div>`;
  const act = async (/** @type {string} */ path, /** @type {any} */ body, /** @type {string} */ done) => {
    try {
      const answer = await call(path, { method: 'POST', body });
      if (answer.decision) noteDecision(done, [answer.decision], () => read().catch(() => {}));
      else say(done);
    } catch (err) {
      sayProblem(err);
    }
    read().catch(() => {});
  };
  const into = issue.expand?.merged_into, before = issue.expand?.regression_of;
  const facts = [
    ['col.reporters', number(issue.reporter_count)], ['col.reports', number(issue.report_count)],
    ['issues.first', issue.first_seen && html`<${Time} at=${issue.first_seen} full />`], ['col.seen', issue.last_seen && html`<${Time} at=${issue.last_seen} full />`],
    ['issues.tracker', issue.tracker_key && html`${trackerLink(issue)}${issue.tracker_state ? html` <small>${issue.tracker_state}</small>` : ''}`],
    ['col.assignee', (issue.tracker_assignees?.length ? issue.tracker_assignees : issue.assignees ?? []).join(', ')],
    ['col.pull', safe(issue.pull_request) && html`<a href=${issue.pull_request} target="_blank" rel="noreferrer">${issue.pull_request.replace(/^https?:\/\//, '')}</a>`],
    ['issues.labels', (issue.labels ?? []).length > 0 && html`<span class="row tight">${issue.labels.map((/** @type {string} */ l) => html`<${Chip} key=${l}>${l}<//>`)}</span>`],
  ].filter(([, v]) => v);
  const parts = /** @type {[string, string[]][]} */ ([['issues.steps', issue.steps], ['issues.criteria', issue.criteria], ['issues.missing', issue.missing]]).filter(([, v]) => v?.length);
  return html`<div class="screen issue-page"><header><div class="stack tight"><p class="row tight muted"><a href="/issues">${t('issues.title')}</a> / #${issue.number}</p><h1>${issue.title}</h1>
      <p class="row"><${Severity} value=${issue.severity} /><${Class} value=${issue.class} /><${Chip} look=${issue.state === 'filed' ? 'good' : ''}>${t(`state.${issue.state}`)}<//></p></div>
      <div class="row"><a class="button main" href=${`/items/${id}`}>${t(['draft', 'snoozed'].includes(issue.state) ? 'issues.decide' : 'issues.open')}</a>
        ${may('viewer') && ['filed', 'closed', 'declined'].includes(issue.state) && html`<${Notify} issue=${issue} />`}</div></header>
    ${into && html`<p class="card row"><span>${t('issues.mergedinto')} <a href=${`/issues/${into.id}`}>#${into.number} ${into.title}</a></span>${may('triager') && html`<${Button} small onClick=${() => act(`/api/issues/${id}/unmerge`, { version: issue.version }, t('issues.unmerged', { n: issue.number }))}>${t('issues.unmerge')}<//>`}</p>`}
    ${before && html`<p class="card">${t('issues.regression')} <a href=${`/issues/${before.id}`}>#${before.number} ${before.title}</a></p>`}
    ${issue.filing && html`<p class="note">${issue.filing}</p>`}
    <div class="issue-columns"><section class="stack">
      ${issue.observed && html`<div><h3>${t('item.observed')}</h3><p class="keep-lines">${issue.observed}</p></div>`}
      ${issue.expected && html`<div><h3>${t('item.expected')}</h3><p class="keep-lines">${issue.expected}</p></div>`}
      ${parts.map(([name, lines]) => html`<div key=${name}><h3>${t(name)}</h3><ul>${lines.map(x => html`<li>${x}</li>`)}</ul></div>`)}</section>
      <aside class="stack"><dl class="fact-list">${facts.map(([name, v]) => html`<div key=${name}><dt>${t(String(name))}</dt><dd>${v}</dd></div>`)}</dl>
        ${series && html`<div><h3>${t('issues.thirty')}</h3><${Sparkline} width=${220} height=${36} values=${series} label=${t('issues.spark', { n: series.reduce((a, b) => a + b, 0), days: 30 })} /></div>`}</aside></div>
    ${merged.length > 0 && html`<section class="stack"><h2>${t('issues.merged')}</h2><ul class="lines">${merged.map(m => html`<li key=${m.id} class="row spread"><a href=${`/issues/${m.id}`}>#${m.number} ${m.title}</a>
      ${may('triager') && html`<${Button} small icon="undo" onClick=${() => act(`/api/issues/${m.id}/unmerge`, { version: m.version }, t('issues.unmerged', { n: m.number }))}>${t('issues.unmerge')}<//>`}</li>`)}</ul></section>`}
    <section class="stack"><h2>${t('item.reports')} <small>${number(issue.report_count)}</small></h2>
      <ul class="lines">${reports.slice(0, limit).map(r => html`<${Report} key=${r.id} report=${r} alone=${reports.length < 2} from=${merged.find(m => m.id === r.issue)}
        onSplit=${() => act(`/api/issues/${r.issue}/split`, { feedback: [r.id] }, t('issues.splitoff'))} />`)}</ul>
      ${reports.length > limit && html`<div class="row"><${Button} onClick=${() => setLimit(limit + 100)}>${t('issues.more')}<//></div>`}</section>
  </div>`;
}

/** @param {{report: any, from?: any, alone: boolean, onSplit: () => void}} props */
function Report({ report: r, from, alone, onSplit }) {
  const who = r.expand?.reporter?.erased ? t('data.erased') : r.expand?.reporter?.handle || r.expand?.reporter?.external_id || t('item.somebody');
  return html`<li class="report-line"><div class="grow stack tight"><p class="row tight muted"><${SourceIcon} source=${r.source} /><span>${t('item.on', { who, source: r.source })}</span><${Time} at=${r.created} />
      <${Confidence} value=${r.confidence} />${r.relation === 'regression' && html`<${Chip} look="warn">${t('issues.isregression')}<//>`}${from && html`<${Chip}>#${from.number}<//>`}${r.demo && html`<${Chip}>${t('demo.chip')}<//>`}
      ${safe(r.permalink) && html`<a href=${r.permalink} target="_blank" rel="noreferrer">${t('issues.inplace')}</a>`}</p>
      ${r.subject && html`<p><strong>${r.subject}</strong></p>`}<p class="report-text">${r.content}</p></div>
    <div class="row"><a class="button small plain" href=${`/items/${r.id}`}>${t('issues.open')}</a>${may('triager') && !alone && !from && html`<${Button} small title=${t('issues.split.title')} onClick=${onSplit}>${t('issues.split')}<//>`}</div></li>`;
}

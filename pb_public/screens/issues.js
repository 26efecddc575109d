// @ts-check
// The canonical issues: what many reports point at.
import { html, useEffect, useMemo, useState } from '../vendor/runtime.js';
import { call, list } from '../api.js';
import { number, t } from '../i18n.js';
import { onGap, onRecords } from '../realtime.js';
import { query, setQuery } from '../router.js';
import { counts, projectId } from '../store.js';
import { Banner, Button, Class, EmptyState, Loading, Severity, SourceIcon, Sparkline, Tabs, Time } from '../ui/index.js';
import { IssuePage } from './issues/page.js';
import { Views } from './issues/views.js';
import './parts/load.js';

const states = ['all', 'draft', 'approved', 'filed', 'closed', 'declined', 'snoozed'];
const sorts = ['-last_seen', '-reporter_count', '-first_seen', '-number'];
const step = 50;
const days = 14;

/** @param {{params: {id?: string}}} props */
export default function Issues({ params }) {
  return params.id ? html`<${IssuePage} key=${params.id} id=${params.id} />` : html`<${IssueList} />`;
}

function IssueList() {
  const q = query.value;
  const state = states.includes(q.get('state') ?? '') ? String(q.get('state')) : 'all';
  const sort = sorts.includes(`-${q.get('sort')}`) ? `-${q.get('sort')}` : '-last_seen';
  const words = q.get('q') ?? '';
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  const [more, setMore] = useState(false);
  const [extra, setExtra] = useState(/** @type {{series: any, sources: any}} */ ({ series: {}, sources: {} }));
  const [problem, setProblem] = useState('');
  const project = projectId.value;
  const wanted = `${project} ${state} ${sort} ${words}`;
  const read = async (/** @type {number} */ n) => {
    try {
      const found = words ? await search(project, words, state)
        : await list('issues', { filter: `project = {:p} && merged_into = ""${state === 'all' ? '' : ' && state = {:state}'}`, params: { p: project, state }, sort, limit: n + 1 });
      setMore(!words && found.length > n);
      setRows(found.slice(0, n));
      setProblem('');
    } catch (err) {
      setProblem(/** @type {Error} */ (err).message);
      setRows([]);
    }
  };
  const shown = rows?.length ?? 0;
  useEffect(() => { setRows(null); read(step); }, [wanted]);
  useEffect(() => {
    let due = 0;
    const again = () => { clearTimeout(due); due = window.setTimeout(() => read(Math.max(step, shown)), 500); };
    const stops = [onRecords('issues', again), onGap(again)];
    return () => { clearTimeout(due); stops.forEach(stop => stop()); };
  }, [wanted, shown]);
  const ids = useMemo(() => (rows ?? []).map(r => r.id).join(','), [rows]);
  useEffect(() => {
    if (!ids) return;
    const parts = [];
    for (let all = ids.split(','), i = 0; i < all.length; i += 100) parts.push(all.slice(i, i + 100));
    Promise.all(parts.map(p => call(`/api/projects/${project}/series`, { query: { issues: p.join(','), days } })))
      .then(found => setExtra({ series: Object.assign({}, ...found.map(f => f.series)), sources: Object.assign({}, ...found.map(f => f.sources)) }), () => {});
  }, [ids]);
  const c = counts.value.issues ?? {};
  const href = (/** @type {string} */ s) => `/issues?${new URLSearchParams({ ...Object.fromEntries(q), state: s })}`;
  return html`<div class="screen issues"><header><h1>${t('issues.title')}</h1>
      <div class="row"><${SearchBox} value=${words} /><${Views} /></div></header>
    <div class="row spread"><${Tabs} label=${t('col.state')} current=${state} tabs=${states.map(s => ({ id: s, label: s === 'all' ? t('issues.all') : t(`state.${s}`), href: href(s), count: s === 'all' ? undefined : c[s] }))} />
      ${!words && html`<label class="inline-choice"><span>${t('issues.sort')}</span><select value=${sort.slice(1)} onChange=${(/** @type {any} */ e) => setQuery({ sort: e.target.value })}>${sorts.map(s => html`<option key=${s} value=${s.slice(1)} selected=${s === sort}>${t(`issues.sort.${s.slice(1)}`)}</option>`)}</select></label>`}</div>
    ${problem && html`<${Banner} look="bad">${problem}<//>`}
    ${rows === null ? html`<${Loading} rows=${12} />` : rows.length === 0 ? !problem && html`<${EmptyState} icon="issues" title=${words || state !== 'all' ? t('issues.nomatch') : t('issues.empty')} text=${words || state !== 'all' ? '' : t('issues.empty.text')}>
        ${(words || state !== 'all') && html`<${Button} onClick=${() => setQuery({ q: '', state: '' })}>${t('issues.clear')}<//>`}<//>`
    : html`<div class="table-frame" tabindex="0" role="region" aria-label=${t('issues.title')}><table class="table issue-table"><caption class="only-heard">${t('issues.title')}</caption>
      <thead><tr>${['col.issue', 'col.state', 'col.reporters', 'col.sources', 'col.days', 'col.seen', 'col.assignee', 'col.pull'].map(h => html`<th key=${h} scope="col" class=${h === 'col.reporters' ? 'end' : ''}>${t(h)}</th>`)}</tr></thead>
      <tbody>${rows.map(r => html`<tr key=${r.id}>
        <td class="issue-cell"><a href=${`/issues/${r.id}`}>${r.title}</a><span class="row tight muted"><${Severity} value=${r.severity} /><${Class} value=${r.class} /><small>#${r.number}</small></span></td>
        <td>${t(`state.${r.state}`)}${r.tracker_key ? html` <small>${trackerLink(r)}</small>` : ''}</td>
        <td class="end">${number(r.reporter_count)}</td>
        <td><span class="row tight">${Object.entries(extra.sources[r.id] ?? {}).map(([s, n]) => html`<span key=${s} class="row tight" title=${`${s}: ${n}`}><${SourceIcon} source=${s} /><small>${number(Number(n))}</small></span>`)}</span></td>
        <td>${extra.series[r.id] ? html`<${Sparkline} values=${extra.series[r.id]} label=${t('issues.spark', { n: extra.series[r.id].reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0), days })} />` : ''}</td>
        <td><${Time} at=${r.last_seen} />${r.first_seen ? html`<br /><small>${t('issues.since')} <${Time} at=${r.first_seen} /></small>` : ''}</td>
        <td>${(r.tracker_assignees?.length ? r.tracker_assignees : r.assignees ?? []).join(', ')}</td>
        <td>${safe(r.pull_request) && html`<a href=${r.pull_request} target="_blank" rel="noreferrer">${r.pull_request.match(/\d+$/)?.[0] ? `#${r.pull_request.match(/\d+$/)[0]}` : t('col.pull')}</a>`}</td></tr>`)}</tbody></table></div>
      ${more && html`<div class="row"><${Button} onClick=${() => read(shown + step)}>${t('issues.more')}<//></div>`}`}
  </div>`;
}

/** @param {any} address of a page elsewhere */
export const safe = address => /^https?:\/\//.test(address ?? '');

/** @param {any} r an issue */
export const trackerLink = r => safe(r.tracker_url) ? html`<a href=${r.tracker_url} target="_blank" rel="noreferrer">#${r.tracker_key}</a>` : `#${r.tracker_key}`;

/** @param {string} project @param {string} words @param {string} state */
async function search(project, words, state) {
  const { issues } = await call('/api/search', { query: { project, q: state === 'all' ? words : `${words} is:${state}` } });
  const ids = issues.filter((/** @type {any} */ i) => !i.merged_into).map((/** @type {any} */ i) => i.id);
  if (ids.length === 0) return [];
  const whole = await list('issues', { filter: ids.map((/** @type {string} */ _, /** @type {number} */ n) => `id = {:i${n}}`).join(' || '), params: Object.fromEntries(ids.map((/** @type {string} */ id, /** @type {number} */ n) => [`i${n}`, id])) });
  return whole.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

/** @param {{value: string}} props */
function SearchBox({ value }) {
  const [text, setText] = useState(value);
  useEffect(() => { setText(value); }, [value]);
  return html`<form role="search" class="search-box" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); setQuery({ q: text.trim() }); }}>
    <input type="search" aria-label=${t('issues.search')} placeholder=${t('issues.search.hint')} value=${text} onInput=${(/** @type {any} */ e) => { setText(e.target.value); if (!e.target.value) setQuery({ q: '' }); }} /></form>`;
}

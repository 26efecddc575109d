// @ts-check
// What happens, as it happens: the last 500 events, kept in this tab.
import { html, signal, useEffect, useRef, useState } from '../vendor/runtime.js';
import { list } from '../api.js';
import { number, t } from '../i18n.js';
import { connection, onGap, onRecords } from '../realtime.js';
import { projectId } from '../store.js';
import { Banner, Button, Chip, EmptyState, Icon, Loading, Severity, SourceIcon, Time } from '../ui/index.js';
import './parts/load.js';

/** @typedef {{id: string, at: string, kind: string, text: string, href?: string, source?: string, severity?: string, klass?: string}} Event */

const most = 500;
const kinds = ['received', 'triaged', 'drafted', 'decided', 'filed', 'told', 'alert'];
const icons = /** @type {Record<string, string>} */ ({ received: 'sources', triaged: 'bolt', drafted: 'issues', decided: 'check', filed: 'trackers', told: 'chat', alert: 'warn' });

/** newest first; kept while the tab lives, so that coming back shows what was missed */
const ring = signal(/** @type {Event[]} */ ([]));
const seen = new Set();

/** @param {Event[]} events */
function add(events) {
  const fresh = events.filter(e => !seen.has(e.id));
  if (fresh.length === 0) return 0;
  for (const e of fresh) seen.add(e.id);
  ring.value = [...fresh, ...ring.value].sort((a, b) => b.at < a.at ? -1 : b.at > a.at ? 1 : 0).slice(0, most);
  if (seen.size > 4 * most) {
    seen.clear();
    for (const e of ring.value) seen.add(e.id);
  }
  return fresh.length;
}

const moved = /** @type {Record<string, string>} */ ({ approved: 'decided', declined: 'decided', snoozed: 'decided', filed: 'filed', closed: 'filed', draft: 'drafted' });

/** @param {string} collection @param {string} action @param {any} r @returns {Event | null} */
function eventOf(collection, action, r) {
  const base = { at: r.updated || r.created, severity: r.severity, klass: r.class, source: r.source };
  if (collection === 'feedback' && action === 'create') return { ...base, at: r.created, id: `${r.id} received`, kind: 'received', text: r.title, href: `/items/${r.id}` };
  if (collection === 'feedback' && action === 'update' && r.state !== 'received') return { ...base, id: `${r.id} ${r.state} ${r.issue}`, kind: 'triaged', text: t(`live.feedback.${r.state}`, { title: r.title }), href: `/items/${r.id}` };
  if (collection === 'issues' && action !== 'delete') return { ...base, id: `${r.id} ${r.state} ${r.merged_into} ${r.state === 'draft' ? '' : r.version}`, kind: moved[r.state] ?? 'decided', text: t(`live.issue.${r.merged_into ? 'merged' : r.state}`, { n: r.number, title: r.title }), href: `/issues/${r.id}` };
  if (collection === 'replies' && r.state === 'sent') return { ...base, id: `${r.id} sent`, kind: 'told', text: t('live.told', { kind: r.kind }), href: r.issue ? `/issues/${r.issue}` : `/items/${r.feedback}` };
  if (collection === 'alerts' && r.state === 'open') return { ...base, id: `${r.id} ${r.since}`, kind: 'alert', text: t('live.alert', { n: r.count }), href: '/insights' };
  return null;
}

export default function Live() {
  const [ready, setReady] = useState(ring.value.length > 0);
  const [held, setHeld] = useState(/** @type {Event[] | null} */ (null));
  const [stopped, setStopped] = useState(false);
  const [hidden, setHidden] = useState(/** @type {Set<string>} */ (new Set()));
  const [summary, setSummary] = useState('');
  const tally = useRef(/** @type {Record<string, number>} */ ({}));
  const project = projectId.value;
  useEffect(() => {
    ring.value = [];
    seen.clear();
    const read = async () => {
      const q = { filter: 'project = {:p}', params: { p: project }, sort: '-updated', limit: 60 };
      const found = await Promise.all([list('feedback', { ...q, sort: '-created', fields: 'id,source,state,issue,class,severity,title,created,updated' }), list('issues', q), list('alerts', q).catch(() => []), list('replies', q).catch(() => [])]);
      add([...found[0].map(r => eventOf('feedback', 'create', r)), ...found[0].map(r => eventOf('feedback', 'update', r)), ...found[1].map(r => eventOf('issues', 'update', r)),
        ...found[2].map(r => eventOf('alerts', 'update', r)), ...found[3].map(r => eventOf('replies', 'update', r))].filter(e => e !== null));
      setReady(true);
    };
    read().catch(() => setReady(true));
    const stops = ['feedback', 'issues', 'replies', 'alerts'].map(c => onRecords(c, ({ action, record }) => {
      if (record.project !== project) return;
      const e = eventOf(c, action, record);
      if (e && add([e])) tally.current[e.kind] = (tally.current[e.kind] ?? 0) + 1;
    }));
    stops.push(onGap(() => read().catch(() => {})));
    // what is heard is a sentence every ten seconds, not every line
    const timer = setInterval(() => {
      const parts = kinds.filter(k => tally.current[k]).map(k => t(`live.heard.${k}`, { n: tally.current[k] }));
      tally.current = {};
      if (parts.length) setSummary(parts.join(', '));
    }, 10_000);
    return () => { clearInterval(timer); stops.forEach(stop => stop()); };
  }, [project]);
  const paused = stopped || held !== null;
  const all = stopped && held ? held : held ?? ring.value;
  const shown = all.filter(e => !hidden.has(e.kind));
  const waiting = paused ? ring.value.length - all.length + ring.value.filter(e => all.length && e.at > all[0].at).length : 0;
  const hold = () => setHeld(h => h ?? ring.value);
  const release = () => { if (!stopped) setHeld(null); };
  const toggle = (/** @type {string} */ k) => { const next = new Set(hidden); if (!next.delete(k)) next.add(k); setHidden(next); };
  return html`<div class="screen live"><header><h1>${t('nav.live')}</h1><div class="row">
      <span class="row tight muted"><span class=${`dot ${connection.value}`}></span>${paused ? t('live.paused') : t(`connection.${connection.value}`)}</span>
      <${Button} small aria-pressed=${stopped} onClick=${() => { if (stopped) setHeld(null); else hold(); setStopped(!stopped); }}>${t(stopped ? 'live.go' : 'live.stop')}<//></div></header>
    <div class="row" role="group" aria-label=${t('live.filter')}>${kinds.map(k => html`<button type="button" key=${k} class="toggle" aria-pressed=${!hidden.has(k)} onClick=${() => toggle(k)}><${Icon} name=${icons[k]} size=${14} />${t(`live.kind.${k}`)}</button>`)}</div>
    <p class="only-heard" role="status" aria-live="polite">${summary}</p>
    ${connection.value === 'reconnecting' && html`<${Banner}>${t('live.reconnecting')}<//>`}
    ${!ready ? html`<${Loading} rows=${12} />` : shown.length === 0 ? html`<${EmptyState} icon="live" title=${t('live.empty')} text=${t('live.empty.text')} />`
    : html`<div class="feed" onMouseEnter=${hold} onMouseLeave=${release} onFocusIn=${hold} onFocusOut=${release} aria-live="off">
      ${waiting > 0 && html`<p class="feed-new"><${Chip} look="accent">${t('live.new', { n: waiting })}<//></p>`}
      <ol>${shown.map(e => html`<li key=${e.id} class=${e.kind}><a href=${e.href}><${Icon} name=${icons[e.kind]} size=${14} /><span class="feed-kind">${t(`live.kind.${e.kind}`)}</span>
        ${e.severity ? html`<${Severity} value=${e.severity} word=${false} />` : html`<span></span>`}<span class="feed-text">${e.text}</span>${e.source ? html`<${SourceIcon} source=${e.source} />` : html`<span></span>`}<${Time} at=${e.at} /></a></li>`)}</ol></div>
      <p class="note">${t('live.note', { n: number(most) })}</p>`}
  </div>`;
}

// @ts-check
// The list of decisions to take, and beside it the one that is looked at.
import { batch, html, signal, useEffect } from '../vendor/runtime.js';
import { useActions } from '../actions.js';
import { t } from '../i18n.js';
import { onGap, onRecords } from '../realtime.js';
import { go } from '../router.js';
import { counts, projectId, refreshCounts } from '../store.js';
import { ActionButton, EmptyState, Loading, sayProblem, Tabs } from '../ui/index.js';
import { Asking } from './inbox/asking.js';
import { NewPill, SearchBar, SortMenu } from './inbox/bar.js';
import { current, cursor, data, fresh, openTab, search, selectAll, selected, sort, staleFacts, tab, targets, toggle } from './inbox/state.js';
import { useDecisions } from './inbox/keys.js';
import { tabFor, tabs } from './inbox/tabs.js';
import { Window } from './inbox/window.js';

const narrow = matchMedia('(max-width: 47.99rem)');
/** The item whose detail is drawn; it follows the cursor when that rests. */
const shown = signal('');
let resting = 0;
let written = ''; // the id that we wrote into the address ourselves; it follows the cursor, never leads it

addEventListener('popstate', () => { written = ''; });

/** @param {string} id */
function rest(id) {
  clearTimeout(resting);
  resting = window.setTimeout(() => {
    shown.value = id;
    written = id;
    if (!narrow.matches || /^\/inbox\/./.test(location.pathname)) go((id ? `/inbox/${id}` : '/inbox') + location.search, { replace: true });
  }, 90);
}

/** Draws an item; read when the first rows are there. */
const detail = signal(/** @type {any} */ (null));
/** What stands around and instead of the rows; read with it. */
const around = signal(/** @type {any} */ (null));
let asked = false;
function wantDetail() {
  if (asked) return;
  asked = true;
  import('./detail/detail.js').then(m => { detail.value = m.Detail; }, err => { asked = false; sayProblem(err); });
  Promise.all([import('./inbox/empty.js'), import('./inbox/views.js')]).then(all => { around.value = Object.assign({}, ...all); }, sayProblem);
  import('./inbox/asks.js').catch(() => {}); // the key that needs it asks again
}

/** @param {{params: {id?: string}}} props */
export default function Inbox({ params }) {
  useEffect(() => {
    clearTimeout(resting); // it would write an item of another list into the address
    openTab();
  }, [tab.value, projectId.value, search.value, sort.value]);
  useEffect(() => {
    if (!params.id || params.id === written || params.id === cursor.peek()) return;
    batch(() => {
      cursor.value = /** @type {string} */ (params.id);
      shown.value = /** @type {string} */ (params.id);
    });
  }, [params.id]);
  useEffect(() => { if (cursor.value !== shown.peek()) rest(cursor.value); }, [cursor.value]);
  useEffect(() => { // something to look at: the first item, where there is room for it
    const items = data.items.value;
    if (!narrow.matches && !params.id && items.length && !items.some(i => i.id === cursor.peek())) cursor.value = items[0].id;
    if (!items.length && data.state.value === 'all' && !params.id) cursor.value = '';
  }, [data.items.value, data.state.value, params.id]);
  useEffect(listen, []);
  useEffect(() => { if (data.state.value !== 'first' || params.id) wantDetail(); }, [data.state.value]);
  useKeys(params);
  const empty = data.state.value === 'all' && data.items.value.length === 0 && !data.problem.value;
  return html`<div class=${`inbox ${params.id ? 'reading' : ''}`}>
    <section class="inbox-list" aria-label=${t('inbox.list')}>
      <header class="bar"><h1>${t('inbox.title')}</h1><${SearchBar} />${around.value && html`<${around.value.Views} />`}<${SortMenu} /></header>
      <${Tabs} label=${t('inbox.tabs')} current=${tab.value.id} tabs=${tabs.map(x => ({ id: x.id, label: t(`tab.${x.id}`), href: `/inbox?tab=${x.id}`, count: counts.value[x.id] || undefined, title: t(`tab.${x.id}.title`) }))} />
      ${around.value && html`<${around.value.Banners} />`}
      ${data.problem.value && html`<p class="problem pad" role="alert">${data.problem.value.message}</p>`}
      <div class="items-frame"><${NewPill} />
        ${data.state.value === 'first' && data.items.value.length === 0 ? html`<${Loading} rows=${9} />` : empty ? around.value ? html`<${around.value.NoItems} />` : html`<${Loading} rows=${9} />` : html`<${Window} onOpen=${open} />`}
        ${around.value && html`<${around.value.BulkBar} />`}</div>
    </section>
    <section class="inbox-detail" aria-label=${t('inbox.detail')}>
      ${shown.value && !detail.value ? html`<${Loading} />` : shown.value ? html`<${detail.value} key=${shown.value} id=${shown.value} known=${current.value?.id === shown.value ? current.value : undefined} onBack=${() => go(`/inbox${location.search}`)} />`
      : html`<${EmptyState} icon="keyboard" title=${t('inbox.none.title')} text=${t('inbox.none.text')} />`}
    </section>
    <nav class="thumbs" aria-label=${t('inbox.actions')}>${['approve', 'duplicate', 'decline', 'snooze'].map(id => html`<${ActionButton} key=${id} id=${id} keep look=${id === 'approve' ? 'main' : ''} />`)}</nav>
    <${Asking} />
  </div>`;
}

/** @param {string} id */
function open(id) {
  batch(() => {
    cursor.value = id;
    shown.value = id;
  });
  clearTimeout(resting);
  written = id;
  go(`/inbox/${id}${location.search}`, { replace: !narrow.matches });
}

/** @param {number} by */
function step(by) {
  const items = data.items.value;
  const at = items.findIndex(i => i.id === cursor.value);
  const next = items[at < 0 ? 0 : Math.max(0, Math.min(items.length - 1, at + by))];
  if (next) cursor.value = next.id;
  return next;
}

/** Hears what changes: in place what is shown, on a pill what is new. */
function listen() {
  const stops = ['issues', 'feedback'].map(c => onRecords(c, ({ action, record }) => {
    if (record.project !== projectId.value) return;
    refreshCounts();
    const r = { ...record, collectionName: c };
    staleFacts(c === 'issues' ? r.id : r.issue);
    if (action === 'delete') data.drop([r.id]);
    else if (!data.patch(r) && (action === 'create' || tabFor(r) === tab.value) && tabFor(r) === tab.value) {
      if (data.items.value.length === 0 && data.state.value === 'all') openTab();
      else fresh.value = new Set([...fresh.value, r.id]);
    }
  }));
  stops.push(onGap(() => { refreshCounts(); if (!selected.value.size) data.reload(); }));
  return () => stops.forEach(stop => stop());
}

/** @param {{id?: string}} params */
function useKeys(params) {
  useDecisions(() => targets.value);
  useActions(() => ({
    next: () => { step(1); }, previous: () => { step(-1); },
    open: current.value && (() => { open(cursor.value); document.querySelector('.inbox-detail')?.scrollTo(0, 0); }),
    back: selected.value.size ? () => { selected.value = new Map(); } : params.id && narrow.matches && (() => go(`/inbox${location.search}`)),
    'read-next': () => { step(1); }, 'read-previous': () => { step(-1); },
    select: current.value && (() => toggle(cursor.value)),
    'extend-down': () => extend(1), 'extend-up': () => extend(-1), 'select-all': selectAll,
  }), [current.value?.id, params.id, selected.value.size > 0]);
}

/** @param {number} by */
function extend(by) {
  const before = cursor.value;
  if (before && !selected.value.has(before)) toggle(before);
  const next = step(by);
  if (next && next.id !== before && !selected.value.has(next.id)) toggle(next.id);
}

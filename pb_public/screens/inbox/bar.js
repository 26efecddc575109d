// @ts-check
// Above and below the list: search, sort, saved views, new items, selection.
import { html, useEffect, useRef, useState } from '../../vendor/runtime.js';
import { hint, label, useActions } from '../../actions.js';
import { asked, list, pb } from '../../api.js';
import { number, t } from '../../i18n.js';
import { prefs, setPrefs } from '../../prefs.js';
import { go, setQuery } from '../../router.js';
import { counts, may, projectId, user } from '../../store.js';
import { ActionButton, Button, Chip, Dialog, Field, Icon, Menu, sayProblem } from '../../ui/index.js';
import { data, fresh, ignored, openTab, search, selected, sort, tab } from './state.js';

export function SearchBar() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const timer = useRef(0);
  const look = (/** @type {string} */ text, wait = 250) => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      if (text.trim() === search.peek()) return;
      const q = new URLSearchParams({ tab: tab.peek().id, ...(text.trim() ? { q: text.trim() } : {}) });
      go(`/inbox?${q}`, { replace: true }); // what was open may not match
    }, wait);
  };
  useEffect(() => { if (input.current && document.activeElement !== input.current) input.current.value = search.value; }, [search.value]);
  useActions(() => ({ search: () => { input.current?.focus(); input.current?.select(); } }), []);
  return html`<div class="search" role="search"><${Icon} name="search" size=${14} />
    <input ref=${input} type="search" name="q" aria-label=${t('search.label')} placeholder=${t('search.placeholder')} defaultValue=${search.value} autocomplete="off" spellcheck=${false} list="search-words"
      onInput=${(/** @type {any} */ e) => look(e.target.value)} onKeyDown=${(/** @type {KeyboardEvent} */ e) => {
        if (e.key !== 'Enter' && e.key !== 'Escape') return;
        e.preventDefault();
        if (e.key === 'Enter') look(/** @type {any} */ (e.target).value, 0);
        (document.getElementById('items') ?? document.getElementById('main'))?.focus();
      }} />
    <kbd aria-hidden="true">${hint('search')}</kbd>
    <datalist id="search-words">${['sev:high', 'sev:critical', 'class:bug', 'class:feature', 'src:discord', 'is:regression', 'is:degraded', 'label:'].map(w => html`<option key=${w} value=${w} />`)}</datalist>
    ${ignored.value.length > 0 && html`<p class="note" role="status">${t('search.ignored', { words: ignored.value.join(', ') })}</p>`}
  </div>`;
}

export function SortMenu() {
  const to = (/** @type {string} */ s) => { setPrefs({ sort: s }); setQuery({ sort: s }); };
  return html`<${Menu} small align="end" label=${t(`sort.${sort.value}`)} name=${t('sort.label', { sort: t(`sort.${sort.value}`) })} items=${() => tab.value.sorts.map(s => ({ id: s, label: t(`sort.${s}`), note: t(`sort.${s}.note`), checked: s === sort.value, run: () => to(s) }))} />`;
}

/** Saved searches: one's own and those that others share. */
export function Views() {
  const [views, setViews] = useState(/** @type {any[] | null} */ (null));
  const [saving, setSaving] = useState(false);
  const read = () => list('views', { filter: 'project = {:p}', params: { p: projectId.value }, sort: 'name', limit: 100 }).then(setViews, () => setViews(null));
  useEffect(() => { read(); }, [projectId.value]);
  if (views === null) return null;
  const mine = (/** @type {any} */ v) => v.user === user.value?.id;
  const items = () => [
    ...views.map(v => ({ id: v.id, label: v.name, icon: v.shared ? 'people' : 'filter', note: v.query, run: () => go(`/inbox?q=${encodeURIComponent(v.query)}`) })),
    ...(user.value?.collectionName === 'users' ? [{ id: 'save', label: t('views.save'), icon: 'plus', run: () => setSaving(true) }] : []),
    ...views.filter(v => mine(v) && v.query === search.value).map(v => ({ id: `x${v.id}`, label: t('views.remove', { name: v.name }), icon: 'close', run: () => asked(pb.collection('views').delete(v.id)).then(read, sayProblem) })),
  ];
  const save = async (/** @type {any} */ e) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    try {
      await asked(pb.collection('views').create({ project: projectId.value, user: user.value.id, name: form.get('name'), query: form.get('query'), shared: form.get('shared') === 'on' }));
      setSaving(false);
      read();
    } catch (err) {
      sayProblem(err);
    }
  };
  const query = search.value || `is:${tab.value.id}`;
  return html`<${Menu} small icon="filter" label="" caret=${false} align="end" name=${t('views.title')} items=${items} />
    ${saving && html`<${Dialog} title=${t('views.save')} onClose=${() => setSaving(false)}><form class="stack" onSubmit=${save}>
      <${Field} name="name" label=${t('views.name')} required maxlength="80" autofocus autocomplete="off" /><${Field} name="query" label=${t('views.query')} required maxlength="2000" value=${/\bis:/.test(query) ? query : `is:${tab.value.id} ${query}`} />
      <${Field} name="shared" type="checkbox" label=${t('views.shared')} /><div class="row"><span class="grow"></span><${Button} type="submit" look="main">${t('save')}<//></div></form><//>`}`;
}

/** "3 new": what has arrived waits until it is asked for. */
export function NewPill() {
  const n = fresh.value.size;
  useActions(() => ({ 'load-new': n > 0 && openTab }), [n]);
  if (n === 0) return null;
  return html`<button type="button" class="pill" onClick=${openTab}>${t('inbox.new', { n })} <${Icon} name="up" size=${12} /><kbd aria-hidden="true">${hint('load-new')}</kbd></button>`;
}

/** What can be done with all that is selected. */
export function BulkBar() {
  const n = selected.value.size;
  const total = counts.value[tab.value.id];
  if (n === 0) return null;
  const most = data.state.value !== 'all' && !search.value && n < total;
  return html`<div class="bulk" role="toolbar" aria-label=${t('bulk.label')}><strong class="num">${t('bulk.n', { n })}</strong>
    ${most && html`<${Button} small look="plain" hint=${hint('select-all')} onClick=${selectAll}>${t('bulk.all', { n: total })}<//>`}
    ${['approve', 'duplicate', 'decline', 'snooze', 'reopen', 'labels', 'retriage', 'noise'].map(id => html`<${ActionButton} key=${id} id=${id} small />`)}
    <${Button} small look="plain" icon="close" label=${t('bulk.none')} hint="Esc" onClick=${() => { selected.value = new Map(); }} /></div>`;
}

/** Selects all that match, read so far or not. */
export async function selectAll() {
  selected.value = new Map(data.items.value.map(i => [i.id, i]));
  if (data.state.value === 'all') return;
  try {
    const known = selected.value;
    const all = await data.all();
    if (selected.value === known) selected.value = new Map(all.map(i => [i.id, known.get(i.id) ?? i]));
  } catch (err) {
    sayProblem(err);
  }
}

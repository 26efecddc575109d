// @ts-check
// Above the list: search, sort, new items.
import { html, useEffect, useRef } from '../../vendor/runtime.js';
import { hint, label, useActions } from '../../actions.js';
import { t } from '../../i18n.js';
import { setPrefs } from '../../prefs.js';
import { go, setQuery } from '../../router.js';
import { Icon, Menu } from '../../ui/index.js';
import { cursor, fresh, ignored, openTab, search, sort, tab } from './state.js';

export function SearchBar() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const timer = useRef(0);
  const look = (/** @type {string} */ text, wait = 250) => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      if (text.trim() === search.peek()) return;
      const q = new URLSearchParams({ tab: tab.peek().id, ...(text.trim() ? { q: text.trim() } : {}) });
      cursor.value = ''; // what was open may not match
      go(`/inbox?${q}`, { replace: true });
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

/** "3 new": what has arrived waits until it is asked for. */
export function NewPill() {
  const n = fresh.value.size;
  useActions(() => ({ 'load-new': n > 0 && openTab }), [n]);
  if (n === 0) return null;
  return html`<button type="button" class="pill" onClick=${openTab}>${t('inbox.new', { n })} <${Icon} name="up" size=${12} /><kbd aria-hidden="true">${hint('load-new')}</kbd></button>`;
}

// @ts-check
// ⌘K: everything that can be done now, by name. It shows the key of each, so
// that nobody needs it twice.
import { html, useEffect, useRef, useState } from './vendor/runtime.js';
import { available, drawKey, keysOf, label } from './actions.js';
import { list } from './api.js';
import { t } from './i18n.js';
import { go } from './router.js';
import { projectId } from './store.js';
import { lastDecisions } from './undo.js';
import { Dialog } from './ui/index.js';

/** @typedef {{id: string, label: string, note?: string, keys?: string[], run: () => void}} Command */

/** @param {{onClose: () => void}} props */
export default function Palette({ onClose }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [found, setFound] = useState(/** @type {Command[]} */ ([]));
  const all = useRef(commands());
  useEffect(() => {
    const words = text.trim();
    if (words.length < 2) return setFound([]);
    const timer = setTimeout(async () => {
      const number = Number(words.replace(/^#/, ''));
      const issues = await list('issues', {
        filter: Number.isInteger(number) && number > 0 ? 'project = {:p} && number = {:n}' : 'project = {:p} && title ~ {:w}',
        params: { p: projectId.value, w: words, n: number }, sort: '-last_seen', limit: 6, fields: 'id,number,title,state',
      }).catch(() => []);
      setFound(issues.map(i => ({ id: i.id, label: i.title, note: `#${i.number} · ${t(`state.${i.state}`)}`, run: () => go(`/items/${i.id}`) })));
    }, 150);
    return () => clearTimeout(timer);
  }, [text]);
  const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const shown = [...all.current.filter(c => wanted.every(w => c.label.toLowerCase().includes(w))), ...found];
  const chosen = Math.min(at, shown.length - 1);
  const choose = (/** @type {Command | undefined} */ c) => {
    if (!c) return;
    onClose();
    setTimeout(c.run); // after the focus has gone back
  };
  const step = (/** @type {KeyboardEvent} */ e) => {
    if (e.key === 'ArrowDown') setAt(Math.min(chosen + 1, shown.length - 1));
    else if (e.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0));
    else if (e.key === 'Enter') choose(shown[chosen]);
    else return;
    e.preventDefault();
  };
  useEffect(() => { document.getElementById(`command-${chosen}`)?.scrollIntoView({ block: 'nearest' }); }, [chosen]);
  return html`<${Dialog} title=${t('palette.title')} plain class="palette" onClose=${onClose}>
    <input type="text" autofocus role="combobox" aria-expanded="true" aria-controls="commands" aria-activedescendant=${shown.length ? `command-${chosen}` : undefined}
      aria-label=${t('palette.title')} placeholder=${t('palette.placeholder')} value=${text} autocomplete="off" spellcheck=${false}
      onInput=${(/** @type {any} */ e) => { setText(e.target.value); setAt(0); }} onKeyDown=${step} />
    <ul id="commands" role="listbox" aria-label=${t('palette.title')}>
      ${shown.map((c, i) => html`<li key=${c.id} id=${`command-${i}`} role="option" aria-selected=${i === chosen} onMouseMove=${() => { if (i !== chosen) setAt(i); }} onClick=${() => choose(c)}>
        <span class="grow">${c.label}${c.note && html`<small>${c.note}</small>`}</span>${c.keys?.map(k => html`<kbd>${drawKey(k)}</kbd>`)}</li>`)}
    </ul>
    ${shown.length === 0 && html`<p class="muted pad">${t('palette.none')}</p>`}
  <//>`;
}

/** @returns {Command[]} */
function commands() {
  const doable = available.value.filter(a => !['palette', 'next', 'previous'].includes(a.id));
  return [
    ...doable.map(a => ({ id: a.id, label: label(a.id), keys: keysOf(a.id), run: () => a.run() })),
    ...lastDecisions().map(d => ({ id: `undo-${d.id}`, label: t('palette.undo', { what: d.text }), run: d.undo })),
  ];
}

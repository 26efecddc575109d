// @ts-check
import { html, useState } from '../../vendor/runtime.js';
import { actions, drawKey, keysOf, label } from '../../actions.js';
import { t } from '../../i18n.js';
import { prefs, setPrefs } from '../../prefs.js';
import { may } from '../../store.js';
import { Button, Field } from '../../ui/index.js';

/** @type {['theme' | 'density' | 'shortcuts' | 'motion' | 'advance', string[]][]} */
const choices = [['theme', ['system', 'light', 'dark']], ['density', ['comfortable', 'compact']], ['motion', ['system', 'less']],
  ['advance', ['next', 'previous', 'stay']], ['shortcuts', ['on', 'focus', 'off']]];

/** How the app looks and behaves for this person, in this browser. */
export default function Accessibility() {
  return html`<div class="stack"><section class="card stack narrow"><h2>${t('settings.accessibility')}</h2>${choices.map(([name, values]) => html`<${Field} key=${name} name=${name} label=${t(`settings.${name}`)} value=${prefs.value[name]}
      options=${values.map(v => ({ value: v, label: t(`settings.${name}.${v}`) }))} onChange=${(/** @type {any} */ e) => setPrefs({ [name]: e.target.value })} />`)}<p class="note">${t('settings.here')}</p></section>
    <${Keys} /></div>`;
}

/** Each action and its keys; press another to change it. */
function Keys() {
  const [editing, setEditing] = useState('');
  const mine = actions.filter(a => !a.role || may(a.role));
  const owner = (/** @type {string} */ key) => mine.find(a => keysOf(a.id).includes(key))?.id;
  const [problem, setProblem] = useState('');
  const changed = Object.keys(prefs.value.keys).length > 0;
  const press = (/** @type {KeyboardEvent} */ e, /** @type {string} */ id) => {
    if (e.key === 'Tab' || e.key === 'Shift' || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    if (e.key === 'Escape') return setEditing('');
    const other = owner(e.key);
    if (other && other !== id) return setProblem(t('keys.taken', { key: drawKey(e.key), action: label(other) }));
    setProblem('');
    setPrefs({ keys: { ...prefs.value.keys, [id]: [e.key] } });
    setEditing('');
  };
  return html`<section class="card stack"><div class="row spread"><h2>${t('settings.keys')}</h2>${changed && html`<${Button} small onClick=${() => setPrefs({ keys: {} })}>${t('settings.keys.reset')}<//>`}</div>
    <p class="note">${t('settings.keys.note')}</p>${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <ul class="key-list">${mine.map(a => html`<li key=${a.id} class="row spread"><span>${label(a.id)}</span>
      <button type="button" class="button small" aria-pressed=${editing === a.id} onClick=${() => { setEditing(a.id); setProblem(''); }} onBlur=${() => { if (editing === a.id) setEditing(''); }}
        onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (editing === a.id) press(e, a.id); }}><span class="only-heard">${t('settings.keys.change', { action: label(a.id) })}</span>${editing === a.id ? t('settings.keys.press') : keysOf(a.id).map(k => html`<kbd key=${k}>${drawKey(k)}</kbd>`)}${editing !== a.id && keysOf(a.id).length === 0 ? '—' : ''}</button></li>`)}</ul></section>`;
}

// @ts-check
import { html } from './vendor/runtime.js';
import { actions, available, drawKey, keysOf, label } from './actions.js';
import { t } from './i18n.js';
import { Dialog } from './ui/index.js';

const groups = ['decide', 'change', 'list', 'view', 'go', 'app'];

/** The keys, as they are set, by group. @param {{onClose: () => void}} props */
export default function Help({ onClose }) {
  const now = new Set(available.value.map(a => a.id));
  return html`<${Dialog} title=${t('help.title')} wide class="help" onClose=${onClose}>
    <div class="help-groups">${groups.map(g => html`<section key=${g}><h3>${t(`help.${g}`)}</h3><dl>
      ${actions.filter(a => a.group === g && keysOf(a.id).length).map(a => html`<div key=${a.id} class=${now.has(a.id) ? '' : 'not-now'}>
        <dt>${label(a.id)}</dt><dd>${keysOf(a.id).map(k => html`<kbd>${drawKey(k)}</kbd>`)}</dd></div>`)}</dl></section>`)}</div>
    <p class="muted">${t('help.note')}</p>
  <//>`;
}

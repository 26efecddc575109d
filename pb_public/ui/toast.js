// @ts-check
// What the app says for a while, at the bottom. One at a time per matter.
import { html, signal } from '../vendor/runtime.js';
import { hint } from '../actions.js';
import { t } from '../i18n.js';
import { Button } from './button.js';

/** @typedef {{id: number, text: any, look: '' | 'bad', undo?: () => void, details?: string[], progress?: number, timer: number}} Toast */
const toasts = signal(/** @type {Toast[]} */ ([]));
let last = 0;

/**
 * @param {any} text
 * @param {{look?: '' | 'bad', undo?: () => void, details?: string[], progress?: number, id?: number, seconds?: number}} [options]
 * progress (0 to 1) keeps it until it is said again with the same id
 * @returns {number} its id, to say something else in the same place
 */
export function say(text, { look = '', undo, details, progress, id = ++last, seconds = undo || look || details ? 10 : 5 } = {}) {
  const before = toasts.value.find(x => x.id === id);
  if (before) clearTimeout(before.timer);
  const timer = progress === undefined || progress >= 1 ? window.setTimeout(() => hush(id), seconds * 1000) : 0;
  const toast = { id, text, look, undo, details, progress, timer };
  toasts.value = before ? toasts.value.map(x => x.id === id ? toast : x) : [...toasts.value.slice(-2), toast];
  return id;
}

/** @param {unknown} err says why something was refused */
export const sayProblem = err => say(/** @type {Error} */ (err).message, { look: 'bad' });

/** @param {number} id */
export function hush(id) {
  toasts.value = toasts.value.filter(x => x.id !== id);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">${toasts.value.map(x => html`
    <div key=${x.id} class=${`toast ${x.look}`}>
      <div class="toast-text">${x.text}
        ${x.progress !== undefined && x.progress < 1 && html`<progress max="1" value=${x.progress} aria-label=${t('toast.progress')}></progress>`}
        ${x.details?.length ? html`<details><summary>${t('toast.details', { n: x.details.length })}</summary><ul>${x.details.map(d => html`<li>${d}</li>`)}</ul></details>` : ''}
      </div>
      ${x.undo && html`<${Button} small hint=${hint('undo')} onClick=${() => { hush(x.id); x.undo?.(); }}>${t('undo')}<//>`}
      <${Button} small look="plain" icon="close" label=${t('close')} onClick=${() => hush(x.id)} />
    </div>`)}</div>`;
}

// @ts-check
// How this person wants the app to look and behave, in this browser.
import { effect, signal } from './vendor/runtime.js';

const KEY = 'iterateswarm_prefs';
const defaults = {
  theme: 'system', // system | light | dark
  density: 'comfortable', // comfortable | compact
  shortcuts: 'on', // on | focus: only while the list has the focus | off
  motion: 'system', // system | less
  advance: 'next', // after a decision: next | previous | stay
  project: '', // the project shown last
  sort: 'smart',
  keys: /** @type {Record<string, string[]>} */ ({}), // action id → its keys, where changed
};

function load() {
  try {
    return { ...defaults, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return { ...defaults };
  }
}

/** The preferences as they are; read .value in a component. */
export const prefs = signal(load());

/** @param {Partial<typeof defaults>} changes */
export function setPrefs(changes) {
  prefs.value = { ...prefs.value, ...changes };
  localStorage.setItem(KEY, JSON.stringify(prefs.value));
}

addEventListener('storage', e => { if (e.key === KEY) prefs.value = load(); });

effect(() => {
  const { theme, density, motion } = prefs.value;
  Object.assign(document.documentElement.dataset, { theme, density, motion });
});

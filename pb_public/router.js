// @ts-check
// Where we are, and how to go elsewhere without loading the page anew.
import { computed, signal } from './vendor/runtime.js';

const here = signal(location.pathname + location.search);
export const path = computed(() => here.value.split('?')[0]);
export const query = computed(() => new URLSearchParams(here.value.split('?')[1] ?? ''));

/**
 * @param {string} to a path of ours
 * @param {{replace?: boolean}} [how] replace: Back does not come back here
 */
export function go(to, { replace = false } = {}) {
  if (to === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  here.value = location.pathname + location.search;
}

/**
 * Changes one part of the query; empty removes it.
 * @param {Record<string, string>} changes
 */
export function setQuery(changes, how = { replace: true }) {
  const q = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) q.set(name, value);
    else q.delete(name);
  }
  const s = q.toString();
  go(location.pathname + (s ? `?${s}` : ''), how);
}

addEventListener('popstate', () => { here.value = location.pathname + location.search; });

// A plain click on a link of ours stays in the page. The console and the API are not ours.
document.addEventListener('click', e => {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const a = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (e.target).closest?.('a[href]'));
  if (!a || a.origin !== location.origin || a.target || a.hasAttribute('download') || /^\/(_|api)\//.test(a.pathname)) return;
  if (a.hash && a.pathname === location.pathname) return;
  e.preventDefault();
  go(a.pathname + a.search);
});

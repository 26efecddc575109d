// @ts-check
// What every screen uses: go somewhere, and say something for a while.

/** @type {() => void} */
let visit = () => {};

/**
 * Names what to do when the address has changed.
 * @param {() => void} handler
 */
export function onVisit(handler) {
  visit = handler;
  addEventListener('popstate', handler);
}

/** @param {string} path */
export function go(path) {
  history.pushState(null, '', path);
  visit();
}

const status = /** @type {HTMLElement} */ (document.getElementById('status'));
let hide = 0;

/**
 * Says something for a while, with a button when it can be taken back.
 * @param {string} text
 * @param {Node} [button]
 */
export function say(text, button) {
  status.replaceChildren(text, ...(button ? [' ', button] : []));
  clearTimeout(hide);
  hide = setTimeout(() => status.replaceChildren(), button ? 15000 : 8000);
}

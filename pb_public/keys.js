// @ts-check
// Key presses become actions. Not while somebody writes, not while a dialog or
// menu is open, and not with a modifier (WCAG 2.1.4: prefs.shortcuts switches
// them off, or to "only while the list has the focus").
import { available, keysOf, perform } from './actions.js';
import { prefs } from './prefs.js';

let started = ''; // the first key of a sequence such as g i
let timer = 0;

/** @param {KeyboardEvent} e */
function name(e) {
  if ((e.metaKey || e.ctrlKey) && !e.altKey) return `mod+${e.key.toLowerCase()}`;
  return e.altKey ? '' : e.key;
}

/** @param {EventTarget | null} target */
const writes = target => target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
  (target instanceof HTMLInputElement && !/^(checkbox|radio|button)$/.test(target.type)));

/** @param {KeyboardEvent} e */
function pressed(e) {
  if (e.defaultPrevented || e.isComposing) return;
  const key = name(e);
  if (!key || document.querySelector('dialog[open], [popover]:popover-open')) return;
  const modified = key.startsWith('mod+');
  if (writes(e.target) && !(modified && key !== 'mod+a')) return;
  // Enter and Space on a button or link are the button's
  if (e.key === 'Enter' && e.target instanceof Element && e.target.closest('button, a[href], summary, [role=tab]')) return;
  const { shortcuts } = prefs.value;
  if (!modified && shortcuts === 'off') return;
  if (!modified && shortcuts === 'focus' && !(e.target instanceof Element && e.target.closest('[role=listbox]'))) return;

  const whole = started ? `${started} ${key}` : key;
  clearTimeout(timer);
  started = '';
  for (const a of available.value) {
    if (keysOf(a.id).includes(whole)) {
      e.preventDefault();
      perform(a.id, e);
      return;
    }
  }
  if (available.value.some(a => keysOf(a.id).some(k => k.startsWith(`${key} `)))) {
    started = key;
    timer = window.setTimeout(() => { started = ''; }, 1200);
  }
}

document.addEventListener('keydown', pressed);

// @ts-check
// Everything a person can do, in one list. Key presses, buttons, the palette,
// the help and the tests read it; a screen says what an action does while the
// screen is shown.
import { computed, signal, useLayoutEffect } from './vendor/runtime.js';
import { t } from './i18n.js';
import { prefs } from './prefs.js';
import { go } from './router.js';
import { may } from './store.js';

/**
 * @typedef {object} Action
 * @property {string} id its label is the text action.<id>
 * @property {string[]} keys such as 'j', 'J' (with Shift), 'g i' (one after the other), 'mod+k' (⌘ or Ctrl)
 * @property {'go' | 'list' | 'decide' | 'change' | 'view' | 'app'} group
 * @property {string} [role] who may; nobody else sees it
 */

/** @type {Action[]} */
export const actions = [
  { id: 'next', keys: ['j', 'ArrowDown'], group: 'list' },
  { id: 'previous', keys: ['k', 'ArrowUp'], group: 'list' },
  { id: 'open', keys: ['Enter', 'o'], group: 'list' },
  { id: 'back', keys: ['Escape', 'u'], group: 'list' },
  { id: 'read-next', keys: [']'], group: 'list' },
  { id: 'read-previous', keys: ['['], group: 'list' },
  { id: 'select', keys: ['x'], group: 'list', role: 'triager' },
  { id: 'extend-down', keys: ['J'], group: 'list', role: 'triager' },
  { id: 'extend-up', keys: ['K'], group: 'list', role: 'triager' },
  { id: 'select-all', keys: ['mod+a'], group: 'list', role: 'triager' },
  { id: 'load-new', keys: ['N'], group: 'list' },
  { id: 'approve', keys: ['1', 'a'], group: 'decide', role: 'approver' },
  { id: 'duplicate', keys: ['2', 'm'], group: 'decide', role: 'triager' },
  { id: 'decline', keys: ['3', 'd'], group: 'decide', role: 'approver' },
  { id: 'snooze', keys: ['h'], group: 'decide', role: 'triager' },
  { id: 'reopen', keys: ['b'], group: 'decide', role: 'approver' },
  { id: 'noise', keys: ['#'], group: 'decide', role: 'triager' },
  { id: 'ask', keys: ['i'], group: 'decide', role: 'triager' },
  { id: 'undo', keys: ['z'], group: 'decide', role: 'triager' },
  { id: 'edit', keys: ['e'], group: 'change', role: 'triager' },
  { id: 'class', keys: ['c'], group: 'change', role: 'triager' },
  { id: 'severity', keys: ['s'], group: 'change', role: 'triager' },
  { id: 'labels', keys: ['l'], group: 'change', role: 'triager' },
  { id: 'retriage', keys: ['r'], group: 'change', role: 'triager' },
  { id: 'trace', keys: ['t'], group: 'view' },
  { id: 'compare', keys: ['v'], group: 'view' },
  { id: 'permalink', keys: ['y'], group: 'view' },
  { id: 'search', keys: ['/'], group: 'view' },
  { id: 'project', keys: ['p'], group: 'app' },
  { id: 'go-inbox', keys: ['g i'], group: 'go' },
  { id: 'go-issues', keys: ['g q'], group: 'go' },
  { id: 'go-insights', keys: ['g n'], group: 'go' },
  { id: 'go-live', keys: ['g v'], group: 'go' },
  { id: 'go-sources', keys: ['g s'], group: 'go' },
  { id: 'go-trackers', keys: ['g k'], group: 'go' },
  { id: 'go-settings', keys: ['g e'], group: 'go' },
  { id: 'palette', keys: ['mod+k'], group: 'app' },
  { id: 'help', keys: ['?'], group: 'app' },
];

const byId = new Map(actions.map(a => [a.id, a]));

/** @typedef {(e?: KeyboardEvent) => void} Run */
/** What each action does now; the one provided last counts. */
const provided = signal(/** @type {{id: string, run: Run}[]} */ ([]));

/**
 * Says what actions do until the returned function is called. A handler that is
 * null says: not now.
 * @param {Record<string, Run | null | undefined | false | ''>} handlers
 */
export function provide(handlers) {
  const mine = Object.entries(handlers).filter(([, run]) => run).map(([id, run]) => {
    if (!byId.has(id)) throw new Error(`there is no action ${id}; add it to actions.js`);
    return { id, run: /** @type {Run} */ (run) };
  });
  provided.value = [...provided.peek(), ...mine];
  return () => { provided.value = provided.peek().filter(p => !mine.includes(p)); };
}

/**
 * provide() while a component is shown; dependencies as in useEffect.
 * @param {() => Record<string, Run | null | undefined | false | ''>} handlers
 * @param {any[]} deps
 */
export function useActions(handlers, deps) {
  useLayoutEffect(() => provide(handlers()), deps);
}

/** What can be done now, by this person, here. */
export const available = computed(() => {
  const now = new Map(provided.value.map(p => [p.id, p.run]));
  return actions.filter(a => now.has(a.id) && (!a.role || may(a.role))).map(a => ({ ...a, run: /** @type {Run} */ (now.get(a.id)) }));
});

/**
 * Does an action if it can be done now.
 * @param {string} id
 * @param {KeyboardEvent} [e]
 * @returns {boolean}
 */
export function perform(id, e) {
  const a = available.value.find(x => x.id === id);
  a?.run(e);
  return a !== undefined;
}

/** @param {string} id */
export const label = id => t(`action.${id}`);

/**
 * The keys of an action, as this person has set them. Those with ⌘ or Ctrl
 * stay when single letters are switched off.
 * @param {string} id
 * @returns {string[]}
 */
export function keysOf(id) {
  const keys = /** @type {string[]} */ (prefs.value.keys[id] ?? byId.get(id)?.keys ?? []);
  return prefs.value.shortcuts === 'off' ? keys.filter(k => k.startsWith('mod+')) : keys;
}

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
/** @type {Record<string, string>} */
const drawn = { ArrowDown: '↓', ArrowUp: '↑', Enter: '↵', Escape: 'Esc' };

/**
 * A key as it is drawn: ⌘K, ⇧J, g i.
 * @param {string} key
 */
export function drawKey(key) {
  if (key.startsWith('mod+')) return (mac ? '⌘' : 'Ctrl ') + key.slice(4).toUpperCase();
  if (/^[A-Z]$/.test(key)) return `⇧${key}`;
  return drawn[key] ?? key.split(' ').map(k => k.toUpperCase()).join(' ');
}

/** @param {string} id its first key, drawn; empty when it has none */
export function hint(id) {
  const [first] = keysOf(id);
  return first ? drawKey(first) : '';
}

provide(Object.fromEntries(['inbox', 'issues', 'insights', 'live', 'sources', 'trackers', 'settings']
  .map(name => [`go-${name}`, () => go(`/${name}`)])));

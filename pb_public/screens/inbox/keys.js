// @ts-check
import { html } from '../../vendor/runtime.js';
import { useActions } from '../../actions.js';
import { t } from '../../i18n.js';
import { MenuList } from '../../ui/index.js';
import { canUndo, track, undoLast } from '../../undo.js';
import { unsaved } from '../detail/unsaved.js';
import { asking, AT_ONCE, close } from './asking.js';
import { isMessage } from './tabs.js';

// What decides is read after the first rows; a key that comes sooner waits for it.
const asks = () => import('./asks.js');

/**
 * @param {any[]} items
 * @param {import('./decide.js').Act} act
 * @param {{leaves?: boolean}} [how]
 */
const decide = (items, act, how) => track(import('./decide.js').then(m => m.decide(items, act, how)));

/**
 * What can be decided, as actions. An action that the items' states do not
 * allow is not there. What is decided on is asked for at the press of the key:
 * J and 1 in a hurry must not approve the item before.
 * @param {() => any[]} about
 */
export function useDecisions(about) {
  const items = about();
  useActions(() => Object.fromEntries(Object.entries(allowed(items)).map(([id, can]) => [id, can && (() => {
    const run = allowed(about())[id];
    if (run) run();
  })])), [items, canUndo()]);
}

/**
 * @param {any[]} items
 * @returns {Record<string, (() => void) | false>}
 */
function allowed(items) {
  const issues = items.length > 0 && items.every(i => !isMessage(i));
  const messages = items.length > 0 && items.every(isMessage);
  const states = [...new Set(items.map(i => i.state))];
  const all = (/** @type {string[]} */ some) => issues && items.every(i => !i.merged_into) && states.every(s => s === undefined || some.includes(s));
  // more than a few are confirmed once
  const sure = (/** @type {() => void} */ f) => () => {
    if (items.length <= AT_ONCE) return f();
    asking.value = html`<${MenuList} name=${t('bulk.sure')} onClose=${close} items=${[{ id: 'yes', label: t('bulk.sure.yes', { n: items.length }), icon: 'check', run: f }, { id: 'no', label: t('cancel'), icon: 'close', run: () => {} }]} />`;
  };
  const approve = sure(async () => {
    const edited = items.length === 1 && unsaved.value?.id === items[0].id ? await unsaved.value?.save() : items[0];
    if (edited) decide(items.length === 1 ? [{ ...items[0], ...edited }] : items, { action: 'approve', said: 'approve' });
  });
  const retriage = () => {
    const run = (/** @type {string} */ engine) => () => decide(items, { action: 'retriage', body: { engine }, said: 'retriage' }, { leaves: false });
    asking.value = html`<${MenuList} name=${t('action.retriage')} onClose=${close} items=${['llm', 'offline'].map(e => ({ id: e, label: t(`retriage.${e}`), icon: 'refresh', run: run(e) }))} />`;
  };
  return {
    approve: all(['draft', 'snoozed']) && approve,
    decline: all(['draft', 'snoozed']) && sure(() => { asks().then(m => m.askDecline(items)); }),
    snooze: all(['draft']) && sure(() => { asks().then(m => m.askSnooze(items)); }),
    reopen: all(['snoozed', 'declined', 'approved', 'closed']) && sure(() => decide(items, { action: 'reopen', said: 'reopen' })),
    duplicate: (all(['draft', 'snoozed', 'approved', 'filed']) || messages) && (() => { asks().then(m => m.askDuplicate(items)); }),
    noise: messages && items.every(i => i.state !== 'noise') && sure(() => decide(items, { action: 'noise', said: 'noise' })),
    labels: all(['draft', 'snoozed']) && (() => { asks().then(m => m.askLabels(items)); }),
    class: (all(['draft', 'snoozed']) || messages) && items.length <= AT_ONCE && (() => { asks().then(m => m.askValue('class', items)); }),
    severity: (all(['draft', 'snoozed']) || messages) && items.length <= AT_ONCE && (() => { asks().then(m => m.askValue('severity', items)); }),
    retriage: messages && retriage,
    undo: canUndo() && undoLast,
  };
}

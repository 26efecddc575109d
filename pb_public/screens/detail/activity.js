// @ts-check
// Everything that was decided on an item, the newest first.
import { html } from '../../vendor/runtime.js';
import { call } from '../../api.js';
import { has, t } from '../../i18n.js';
import { may, user } from '../../store.js';
import { Button, Icon, say, sayProblem, Time } from '../../ui/index.js';

const undoable = ['approve', 'decline', 'snooze', 'reopen', 'close', 'edit', 'merge', 'unmerge', 'split', 'reclassify', 'join'];

/** @param {{decisions: any[], onUndone: () => void}} props */
export function Activity({ decisions, onUndone }) {
  const undone = new Set(decisions.map(d => d.undo_of).filter(Boolean));
  const last = decisions.find(d => d.actor_kind === 'person' && !d.undo_of && !undone.has(d.id));
  const undo = async (/** @type {any} */ d) => {
    try {
      await call(`/api/decisions/${d.id}/undo`, { method: 'POST', body: {} });
      say(t('undone', { what: name(d) }));
    } catch (err) {
      sayProblem(err);
    }
    onUndone();
  };
  if (decisions.length === 0) return null; // the ledger is not for everybody
  return html`<section class="part"><h3>${t('activity.title')}</h3><ol class="activity">${decisions.map(d => html`<li key=${d.id} class=${undone.has(d.id) ? 'undone' : ''}>
    <${Icon} name=${d.actor_kind === 'person' ? 'person' : d.actor_kind === 'engine' ? 'bolt' : 'refresh'} size=${14} /><span class="grow"><strong>${name(d)}</strong> <span class="muted">${by(d)}</span>${d.reason && html`<small class="lines">${d.reason}</small>`}</span>
    ${d === last && undoable.includes(d.action) && may(['approve', 'decline', 'reopen'].includes(d.action) ? 'approver' : 'triager') && html`<${Button} small look="plain" icon="undo" onClick=${() => undo(d)}>${t('undo')}<//>`}<${Time} at=${d.created} /></li>`)}</ol></section>`;
}

/** @param {any} d */
const name = d => has(`decision.${d.action}`) ? t(`decision.${d.action}`) : d.action;

/** @param {any} d */
function by(d) {
  if (d.actor_kind === 'person') return t(d.actor?.endsWith(`/${user.value?.id}`) ? 'activity.you' : 'activity.person');
  return d.actor_kind === 'engine' ? t('activity.engine', { engine: d.engine || d.actor }) : t(`activity.${d.actor_kind}`);
}

// @ts-check
// What this person decided in this tab, to take back. Undo is another move on
// the server that compensates the first, not a wait before sending.
import { signal } from './vendor/runtime.js';
import { call } from './api.js';
import { t } from './i18n.js';
import { say, sayProblem } from './ui/toast.js';

/** @typedef {{id: string, text: string, undo: () => Promise<void>}} Decided */
const decided = signal(/** @type {Decided[]} */ ([]));

/** The last 20, newest first. */
export const lastDecisions = () => decided.value;

/**
 * Notes a decision and says so, with a way back.
 * @param {string} text what was done
 * @param {string[]} ids the decisions, as the server named them; several when one act was on many things
 * @param {(changed: any[]) => void} after what to do when they are undone, with the records as they are then
 * @param {{details?: string[]}} [more]
 */
export function noteDecision(text, ids, after, { details } = {}) {
  if (ids.length === 0) {
    say(text, { details });
    return;
  }
  const entry = {
    id: ids[0], text,
    async undo() {
      decided.value = decided.value.filter(d => d !== entry);
      const changed = [];
      try {
        for (const id of [...ids].reverse()) {
          const answer = await call(`/api/decisions/${id}/undo`, { method: 'POST', body: {} });
          changed.push(answer.issue ?? answer.feedback);
        }
        say(t('undone', { what: text }));
      } catch (err) {
        sayProblem(err);
      }
      after(changed.filter(Boolean));
    },
  };
  decided.value = [entry, ...decided.value].slice(0, 20);
  say(text, { undo: entry.undo, details });
}

/** Decisions that the server has not answered yet. */
const underWay = signal(/** @type {Promise<any>[]} */ ([]));

/**
 * Notes that a decision is under way, so that Undo can wait for its answer.
 * @param {Promise<any>} decision
 */
export function track(decision) {
  underWay.value = [...underWay.value, decision];
  const over = () => { underWay.value = underWay.value.filter(d => d !== decision); };
  decision.then(over, over);
}

/** Takes the last decision back, once it is made. */
export async function undoLast() {
  await Promise.allSettled(underWay.value);
  decided.value[0]?.undo();
}
export const canUndo = () => decided.value.length > 0 || underWay.value.length > 0;

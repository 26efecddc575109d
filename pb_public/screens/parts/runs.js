// @ts-check
import { one } from '../../api.js';
import { t } from '../../i18n.js';
import { onRecords } from '../../realtime.js';
import { say } from '../../ui/index.js';

/**
 * Shows how far a run is until it ends, and what failed in it.
 * @param {string} id
 * @param {string} what in words
 * @param {() => void} [after]
 */
export function follow(id, what, after) {
  const toast = say(what, { progress: 0 });
  let ended = false;
  const show = (/** @type {any} */ run) => {
    if (!run || ended) return;
    if (run.state === 'running') {
      say(what, { id: toast, progress: Math.min(0.99, run.total ? run.done / run.total : 0) });
      return;
    }
    ended = true;
    stop();
    clearInterval(timer);
    const failed = run.result?.failed ?? [];
    say(t(`run.${run.state}`, { what, n: run.done }), { id: toast, look: run.state === 'done' && !failed.length ? '' : 'bad', details: failed.map((/** @type {any} */ f) => f.message) });
    after?.();
  };
  const stop = onRecords('runs', c => { if (c.record.id === id) show(c.record); });
  const look = () => one('runs', id).then(show, () => {});
  const timer = setInterval(look, 2000);
  look();
}

// @ts-check
// Decisions on one item or many: shown at once, taken back when the server
// refuses, undone by the moves that compensate them.
import { batch, signal } from '../../vendor/runtime.js';
import { call, list, pb } from '../../api.js';
import { number, t } from '../../i18n.js';
import { prefs } from '../../prefs.js';
import { onRecords } from '../../realtime.js';
import { refreshCounts } from '../../store.js';
import { say, sayProblem } from '../../ui/index.js';
import { noteDecision, track } from '../../undo.js';
import { cursor, data, selected } from './state.js';
import { isMessage, tabFor } from './tabs.js';

/** The records that were decided on last, as they are now; an open detail reads itself again. */
export const changed = signal(/** @type {any[]} */ ([]));

/** @typedef {{action: string, body?: Record<string, any>, said: string}} Act said: what was done, as a text's name */

/**
 * Moves the cursor off items that are about to leave, as the preference says.
 * @param {Set<string>} gone
 */
function advance(gone) {
  const items = data.items.peek();
  const at = items.findIndex(i => i.id === cursor.peek());
  if (at < 0 || !gone.has(cursor.peek())) return;
  const rest = (/** @type {any[]} */ some) => some.find(i => !gone.has(i.id))?.id;
  const next = rest(items.slice(at + 1));
  const previous = rest(items.slice(0, at).reverse());
  const way = prefs.peek().advance;
  if (way === 'stay') return;
  cursor.value = (way === 'previous' ? previous ?? next : next ?? previous) ?? '';
}

/**
 * Decides on items.
 * @param {any[]} items records of issues or of feedback
 * @param {Act} act
 * @param {{leaves?: boolean}} [how] leaves: the items leave the tab by this
 * @returns {Promise<void>}
 */
export function decide(items, act, how) {
  const done = send(items, act, how);
  track(done);
  return done;
}

/**
 * @param {any[]} items
 * @param {Act} act
 * @param {{leaves?: boolean}} [how]
 */
async function send(items, act, { leaves = true } = {}) {
  const [issues, messages] = [items.filter(i => !isMessage(i)), items.filter(isMessage)];
  const gone = new Set(leaves ? items.map(i => i.id) : []);
  batch(() => {
    advance(gone);
    data.drop([...gone]);
    selected.value = new Map();
  });
  /** @type {Outcome} */
  const out = { done: [], decisions: [], failed: [] };
  for (const [of, some] of /** @type {[string, any[]][]} */ ([['issues', issues], ['feedback', messages]])) {
    if (some.length === 0) continue;
    try {
      const more = some.length === 1 ? await single(of, some[0], act) : await many(of, some, act);
      out.done.push(...more.done);
      out.decisions.push(...more.decisions);
      out.failed.push(...more.failed);
    } catch (err) {
      out.failed.push(...some.map(i => ({ id: i.id, message: /** @type {Error} */ (err).message })));
    }
  }
  settle(items, act, out);
}

/** @typedef {{done: any[], decisions: string[], failed: {id: string, message: string}[]}} Outcome */

/**
 * @param {any[]} items
 * @param {Act} act
 * @param {Outcome} out
 */
function settle(items, act, { done, decisions, failed }) {
  const byId = new Map(items.map(i => [i.id, i]));
  batch(() => {
    for (const f of failed) data.restore(byId.get(f.id));
    for (const r of done) data.patch(r);
    changed.value = [...done, ...failed];
  });
  refreshCounts();
  const name = (/** @type {any} */ i) => i?.number ? `#${number(i.number)}` : i?.title ?? '';
  const details = failed.map(f => `${name(byId.get(f.id))}: ${f.message}`);
  if (failed.length === items.length) {
    say(failed.length === 1 ? failed[0].message : t('batch.none', { n: failed.length }), { look: 'bad', details: failed.length > 1 ? details : undefined });
    return;
  }
  const n = items.length - failed.length;
  const text = n === 1 ? t(`did.${act.said}`, { what: name(done[0] ?? items[0]) }) : t(`did.many.${act.said}`, { n });
  noteDecision(failed.length ? t('batch.some', { text, n: failed.length }) : text, decisions, back => {
    batch(() => {
      changed.value = back;
      for (const r of back) {
        if (!data.patch(r) && tabFor(r) === tabFor(byId.get(r.id) ?? {})) data.restore({ ...byId.get(r.id), ...r });
      }
      if (back.length === 1 && data.items.value.some(i => i.id === back[0].id)) cursor.value = back[0].id;
    });
    refreshCounts();
  }, { details: details.length ? details : undefined });
}

/**
 * @param {string} of
 * @param {any} item
 * @param {Act} act
 * @returns {Promise<Outcome>}
 */
async function single(of, item, { action, body = {} }) {
  if (of === 'issues') {
    const answer = await call(`/api/issues/${item.id}/${action}`, { method: 'POST', body: { version: item.version, ...body } });
    return { done: [answer.issue], decisions: [answer.decision], failed: [] };
  }
  const sent = messageAct(action, body);
  const { feedback } = await call(`/api/feedback/${item.id}/${sent.path}`, { method: 'POST', body: sent.body });
  return { done: [feedback], decisions: await lastOf([item.id]), failed: [] };
}

/**
 * What an act on issues is for a message.
 * @param {string} action
 * @param {any} body
 */
function messageAct(action, body) {
  if (action === 'merge') return { path: 'join', body: { issue: body.into, reason: body.reason } };
  if (action === 'noise') return { path: 'correct', body: { class: 'noise', ...body } };
  return { path: action, body };
}

/** The newest decision of a person on each of these messages; the routes do not name it. @param {string[]} ids */
async function lastOf(ids) {
  const found = await Promise.all(ids.map(id => list('decisions', { filter: 'subject_id = {:id} && actor_kind = "person"', params: { id }, sort: '-created', limit: 1, fields: 'id' })));
  return found.flat().map(d => d.id);
}

/**
 * @param {string} of
 * @param {any[]} items
 * @param {Act} act
 * @returns {Promise<Outcome>}
 */
async function many(of, items, { action, body = {} }) {
  const sent = of === 'feedback' ? { ...body, ...(action === 'merge' ? { action: 'join', issue: body.into } : { action }) } : { ...body, action };
  const answer = await call(`/api/${of}/batch`, { method: 'POST', body: { ...sent, items: items.map(i => ({ id: i.id, version: of === 'issues' ? i.version : undefined })) } });
  if (answer.run) return follow(answer.run, items);
  const results = /** @type {any[]} */ (answer.results);
  return {
    done: results.filter(r => r.ok).map(r => r.issue ?? r.feedback),
    decisions: results.filter(r => r.decision).map(r => r.decision),
    failed: results.filter(r => !r.ok).map(r => ({ id: r.id, message: r.error.message })),
  };
}

/**
 * Waits for a run on the server and says how far it is.
 * @param {string} id
 * @param {any[]} items
 * @returns {Promise<Outcome>}
 */
function follow(id, items) {
  return new Promise(resolve => {
    const toast = say(t('batch.running', { done: 0, n: items.length }), { progress: 0 });
    const look = (/** @type {any} */ run) => {
      if (run.id !== id) return;
      say(t('batch.running', { done: run.done, n: items.length }), { id: toast, progress: Math.min(run.done / items.length, 0.99) });
      if (run.state === 'running' || run.state === 'pending') return;
      stop();
      clearInterval(timer);
      say(t('batch.ran'), { id: toast, progress: 1, seconds: 1 });
      const failed = /** @type {any[]} */ (run.result?.failed ?? []);
      const bad = new Set(failed.map(f => f.id));
      resolve({ done: items.filter(i => !bad.has(i.id)), decisions: run.result?.decisions ?? [], failed });
    };
    const stop = onRecords('runs', ({ record }) => look(record));
    const read = () => pb.collection('runs').getOne(id).then(look).catch(() => {});
    const timer = setInterval(read, 2000); // should the connection be down
    read();
  });
}

/**
 * Changes fields of drafts; each edit names the version that was seen.
 * @param {any[]} items issues
 * @param {Record<string, any>} fields
 * @param {string} said
 */
export async function edit(items, fields, said) {
  /** @type {any[]} */
  const done = [];
  /** @type {string[]} */
  const decisions = [];
  for (const item of items) {
    try {
      const answer = await call(`/api/issues/${item.id}`, { method: 'PATCH', body: { version: item.version, ...fields } });
      done.push(answer.issue);
      decisions.push(answer.decision);
    } catch (err) {
      sayProblem(err);
      break;
    }
  }
  const show = (/** @type {any[]} */ records) => batch(() => {
    records.forEach(data.patch);
    changed.value = records;
  });
  show(done);
  if (done.length) noteDecision(said, decisions, show);
  return done;
}

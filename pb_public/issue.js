// @ts-check
import { call, list } from './api.js';
import { counts, h, marked, when } from './dom.js';
import { go, say } from './shell.js';

/**
 * One issue with its reports, and what can be decided about it.
 * @param {string} id
 * @returns {Promise<Node[]>}
 */
export async function issuePage(id) {
  const [issue, reports] = await Promise.all([
    call(`/api/collections/issues/records/${id}`),
    list('feedback', { filter: `issue = "${id}"`, sort: 'created', expand: 'reporter', perPage: '20' }),
  ]);
  return [
    h('p', { class: 'meta' }, `Issue #${issue.number} · ${issue.state}`),
    h('h1', {}, issue.title),
    h('p', {}, h('span', { class: `sev ${issue.severity}` }, issue.severity), ` ${issue.class}, ${counts(issue)}`),
    issue.filing ? h('p', { class: 'note' }, issue.filing) : null,
    issue.tracker_key ? filed(issue) : null,
    actions(issue),
    ...section('Steps to reproduce', issue.steps, 'ol'),
    ...section('Acceptance criteria', issue.criteria, 'ul'),
    ...section('Missing', issue.missing, 'ul'),
    ...section('Labels', issue.labels, 'ul'),
    h('h2', {}, 'Reports'),
    ...reports.flatMap(report),
  ].filter(n => n !== null);
}

/** @param {any} issue */
function filed(issue) {
  const web = /^https?:\/\//.test(issue.tracker_url);
  return h('p', { class: 'note' }, 'Filed as ', web
    ? h('a', { href: issue.tracker_url, rel: 'noreferrer' }, `#${issue.tracker_key}`)
    : h('code', {}, issue.tracker_url || `#${issue.tracker_key}`));
}

/**
 * @param {string} title
 * @param {string[] | null} items
 * @param {string} tag
 */
function section(title, items, tag) {
  if (!items || items.length === 0) return [];
  return [h('h2', {}, title), h(tag, {}, ...items.map(t => h('li', {}, t)))];
}

/** @param {any} r */
function report(r) {
  const evidence = (r.verdict?.evidence ?? []).filter((/** @type {any} */ e) => e.part === 'text');
  const who = r.expand?.reporter?.handle || r.expand?.reporter?.external_id || 'somebody';
  return [
    h('p', { class: 'meta' }, `${who} on ${r.source}, `, when(r.created), ` · ${r.engine} engine, confidence ${Math.round(r.confidence * 100)} %`),
    r.subject ? h('p', {}, h('strong', {}, r.subject)) : null,
    marked(r.content, evidence),
    h('p', { class: 'meta' }, r.reasoning),
  ].filter(n => n !== null);
}

const verbs = {
  draft: [['approve', 'Approve and file', 'main'], ['decline', 'Decline', '']],
  snoozed: [['approve', 'Approve and file', 'main'], ['reopen', 'Bring back', '']],
  declined: [['reopen', 'Reopen', '']],
  approved: [['reopen', 'Take the approval back', '']],
  closed: [['reopen', 'Reopen', '']],
  filed: [],
};

/** @param {any} issue */
function actions(issue) {
  const bar = h('div', { class: 'bar' });
  for (const [verb, label, look] of verbs[/** @type {keyof typeof verbs} */ (issue.state)] ?? []) {
    bar.append(h('button', { class: look, click: () => decide(issue, verb, bar) }, label));
  }
  return bar.children.length ? bar : null;
}

/**
 * @param {any} issue
 * @param {string} verb
 * @param {HTMLElement} bar
 */
async function decide(issue, verb, bar) {
  for (const b of bar.querySelectorAll('button')) b.setAttribute('disabled', '');
  try {
    const { decision } = await call(`/api/issues/${issue.id}/${verb}`, { method: 'POST', body: { version: issue.version } });
    go(`/issues/${issue.id}`);
    say(`Done: ${verb} #${issue.number}.`, undoButton(issue.id, decision));
  } catch (err) {
    say(/** @type {Error} */ (err).message);
    go(`/issues/${issue.id}`);
  }
}

/**
 * @param {string} id
 * @param {string} decision
 */
function undoButton(id, decision) {
  return h('button', {
    click: async () => {
      try {
        await call(`/api/decisions/${decision}/undo`, { method: 'POST', body: {} });
        say('Undone.');
      } catch (err) {
        say(/** @type {Error} */ (err).message);
      }
      go(`/issues/${id}`);
    },
  }, 'Undo');
}

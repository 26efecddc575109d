// @ts-check
import { call, list, session, signIn, signOut } from './api.js';
import { counts, h } from './dom.js';
import { issuePage } from './issue.js';
import { messages } from './messages.js';
import { go, onVisit } from './shell.js';

const states = [
  ['draft', 'To decide'], ['approved', 'Being filed'], ['filed', 'Filed'],
  ['declined', 'Declined'], ['snoozed', 'Snoozed'], ['closed', 'Closed'],
];
const restStates = [['held', 'Held'], ['triaged', 'Questions'], ['noise', 'Noise']];

const main = /** @type {HTMLElement} */ (document.getElementById('main'));

/** @param {...Node} nodes */
function show(...nodes) {
  main.replaceChildren(...nodes);
  const title = main.querySelector('h1');
  document.title = title ? `${title.textContent} · IterateSwarm` : 'IterateSwarm';
}

/**
 * @param {string} title
 * @param {[string, string, string, string][]} fields name, label, type, autocomplete
 * @param {string} button
 * @param {(values: Record<string, string>) => Promise<void>} send
 * @param {...Node} intro
 */
function formPage(title, fields, button, send, ...intro) {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const submit = h('button', { class: 'main' }, button);
  const form = h('form', {
    submit: async (/** @type {SubmitEvent} */ e) => {
      e.preventDefault();
      problem.textContent = '';
      submit.setAttribute('disabled', '');
      try {
        await send(Object.fromEntries(/** @type {any} */ (new FormData(/** @type {HTMLFormElement} */ (form)))));
      } catch (err) {
        problem.textContent = /** @type {Error} */ (err).message;
      } finally {
        submit.removeAttribute('disabled');
      }
    },
  }, ...fields.map(([name, label, type, autocomplete]) =>
    h('label', {}, label, h('input', { name, type, autocomplete, required: true }))), problem, submit);
  show(h('h1', {}, title), ...intro, form);
}

function loginPage() {
  formPage('Sign in', [['email', 'E-mail', 'email', 'username'], ['password', 'Password', 'password', 'current-password']], 'Sign in',
    async v => { await signIn(v.email, v.password); await route(); });
}

function setupPage() {
  formPage('Make the first admin', [
    ['code', 'Setup code', 'text', 'off'], ['email', 'E-mail', 'email', 'username'],
    ['password', 'Password, at least 8 characters', 'password', 'new-password'],
  ], 'Make the admin', async v => {
    await call('/api/setup', { method: 'POST', body: v });
    await signIn(v.email, v.password);
    await route();
  }, h('p', {}, 'The server printed a setup code when it started. It is good for one admin.'));
}

/** @param {string} current */
function header(current) {
  const auth = session();
  const link = (/** @type {string[]} */ [state, label]) => h('a', {
    href: `/?state=${state}`, 'aria-current': state === current ? 'page' : null,
    click: (/** @type {MouseEvent} */ e) => { e.preventDefault(); go(`/?state=${state}`); },
  }, label);
  document.getElementById('nav')?.replaceChildren(...(auth ? [...states, ...restStates].map(link) : []));
  document.getElementById('who')?.replaceChildren(...(auth ? [
    h('span', { class: 'meta' }, auth.email + ' '),
    h('button', { click: () => { signOut(); go('/'); } }, 'Sign out')] : []));
}

/** @param {any} issue */
function row(issue) {
  const path = `/issues/${issue.id}`;
  return h('li', {}, h('a', { href: path, click: (/** @type {MouseEvent} */ e) => { e.preventDefault(); go(path); } },
    h('span', { class: 'title' }, issue.title),
    h('span', { class: `sev ${issue.severity}` }, issue.severity), ' ',
    h('span', { class: 'meta' }, `${issue.class} · ${counts(issue)} · #${issue.number}`)));
}

/** @param {string} state */
async function inbox(state) {
  const label = states.find(s => s[0] === state)?.[1] ?? state;
  const issues = await list('issues', { filter: `state = "${state}" && merged_into = ""`, sort: '-created' });
  const empty = state === 'draft'
    ? 'Nothing waits for a decision. New feedback appears here by itself when you reload.'
    : 'Nothing here.';
  show(h('h1', {}, label), issues.length
    ? h('ul', { class: 'rows' }, ...issues.map(row))
    : h('p', { class: 'note' }, empty));
}

async function route() {
  const url = new URL(location.href);
  const state = url.searchParams.get('state') || 'draft';
  header(url.pathname === '/' ? state : '');
  try {
    if (!session()) {
      const { needed } = await call('/api/setup');
      return needed ? setupPage() : loginPage();
    }
    const issue = url.pathname.match(/^\/issues\/([a-z0-9]{15})$/);
    if (issue) return show(...await issuePage(issue[1]));
    if (restStates.some(s => s[0] === state)) return show(...await messages(state));
    await inbox(states.some(s => s[0] === state) ? state : 'draft');
  } catch (err) {
    if (!session()) return loginPage();
    show(h('h1', {}, 'That did not work'), h('p', { class: 'problem', role: 'alert' }, /** @type {Error} */ (err).message));
  }
}

onVisit(async () => {
  await route();
  main.focus();
});
route();

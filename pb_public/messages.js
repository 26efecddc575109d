// @ts-check
import { call, list } from './api.js';
import { h, when } from './dom.js';
import { go, say } from './shell.js';

const titles = { held: 'Held for a person', triaged: 'Questions', noise: 'Noise' };
const reasons = { low_confidence: 'The engine was not sure.', quarantined: 'The server died several times while it worked on this.' };

/**
 * Messages that make no issue, and a way to give them a class.
 * @param {string} state
 * @returns {Promise<Node[]>}
 */
export async function messages(state) {
  const items = await list('feedback', { filter: `state = "${state}"`, sort: '-created', perPage: '50' });
  const title = h('h1', {}, titles[/** @type {keyof typeof titles} */ (state)]);
  if (items.length === 0) return [title, h('p', { class: 'note' }, 'Nothing here.')];
  return [title, ...items.map(r => h('article', {},
    h('p', { class: 'meta' }, `${r.source}, `, when(r.created), ` · judged ${r.class}, ${Math.round(r.confidence * 100)} %. `,
      reasons[/** @type {keyof typeof reasons} */ (r.held_reason)] ?? ''),
    h('blockquote', {}, r.subject ? `${r.subject}\n\n${r.content}` : r.content),
    h('div', { class: 'bar' }, ...['bug', 'feature', 'question', 'noise'].map(c =>
      h('button', { click: () => correct(r, c, state) }, `It is ${c === 'noise' ? 'noise' : `a ${c}`}`))))) ];
}

/**
 * @param {any} r
 * @param {string} class_
 * @param {string} state
 */
async function correct(r, class_, state) {
  try {
    await call(`/api/feedback/${r.id}/correct`, { method: 'POST', body: { class: class_ } });
    say(`Noted: ${class_}.`);
  } catch (err) {
    say(/** @type {Error} */ (err).message);
  }
  go(`/?state=${state}`);
}

// @ts-check
// The tabs of the inbox. A tab is a state, and holds one kind of thing: issues,
// which somebody decides on, or messages, which made no issue (yet) or joined
// one by themselves.

/**
 * @typedef {object} Tab
 * @property {string} id also the name of its count and of its texts
 * @property {'issues' | 'feedback'} of
 * @property {string} filter of PocketBase, without values from outside
 */

/** @type {Tab[]} */
export const tabs = [
  { id: 'pending', of: 'issues', filter: 'merged_into = "" && state = "draft"' },
  { id: 'held', of: 'feedback', filter: 'state = "held"' },
  { id: 'questions', of: 'feedback', filter: 'state = "triaged"' },
  { id: 'auto', of: 'feedback', filter: 'state = "joined" && similarity > 0' },
  { id: 'snoozed', of: 'issues', filter: 'merged_into = "" && state = "snoozed"' },
  { id: 'noise', of: 'feedback', filter: 'state = "noise"' },
  { id: 'decided', of: 'issues', filter: 'merged_into = "" && (state = "approved" || state = "filed" || state = "closed" || state = "declined")' },
];

/**
 * @param {string | null} id
 * @returns {Tab}
 */
export const tabOf = id => tabs.find(x => x.id === id) ?? tabs[0];

/**
 * The tab that a record is in, or null: a message that is a first report, or
 * that is being judged, is in none.
 * @param {any} r a record of issues or feedback
 * @returns {Tab | null}
 */
export function tabFor(r) {
  if ('content' in r || r.collectionName === 'feedback') {
    const id = { held: 'held', triaged: 'questions', noise: 'noise', joined: r.similarity > 0 ? 'auto' : '' }[/** @type {string} */ (r.state)];
    return tabs.find(x => x.id === id) ?? null;
  }
  if (r.merged_into) return null;
  return tabOf({ draft: 'pending', snoozed: 'snoozed' }[/** @type {string} */ (r.state)] ?? 'decided');
}

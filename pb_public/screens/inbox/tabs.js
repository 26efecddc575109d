// @ts-check
// The tabs of the inbox. A tab is a state and holds one kind of thing: issues,
// which somebody decides on; messages, which made no issue; or, under "auto",
// what rules decided by themselves.

/**
 * @typedef {object} Tab
 * @property {string} id also the name of its count and of its texts
 * @property {'issues' | 'feedback' | 'decisions'} of
 * @property {string[]} filters of PocketBase, without values from outside; what any of them finds is in the tab
 * @property {string[]} sorts the first is the usual one
 */

/** @type {Tab[]} */
export const tabs = [
  { id: 'pending', of: 'issues', filters: ['merged_into = "" && state = "draft"'], sorts: ['smart', 'newest', 'oldest'] },
  { id: 'held', of: 'feedback', filters: ['state = "held"'], sorts: ['newest', 'oldest', 'unsure'] },
  { id: 'questions', of: 'feedback', filters: ['state = "triaged"'], sorts: ['newest', 'oldest', 'unsure'] },
  { id: 'auto', of: 'decisions', filters: ['actor_kind = "rule" && action = "join"', 'actor_kind = "rule" && action = "approve"', 'actor_kind = "rule" && action = "decline"'], sorts: ['newest'] },
  { id: 'snoozed', of: 'issues', filters: ['merged_into = "" && state = "snoozed"'], sorts: ['smart', 'newest', 'oldest'] },
  { id: 'noise', of: 'feedback', filters: ['state = "noise"'], sorts: ['newest', 'oldest', 'unsure'] },
  { id: 'decided', of: 'issues', filters: ['approved', 'filed', 'closed', 'declined'].map(s => `merged_into = "" && state = "${s}"`), sorts: ['newest', 'oldest'] },
];

/**
 * @param {string | null} id
 * @returns {Tab}
 */
export const tabOf = id => tabs.find(x => x.id === id) ?? tabs[0];

/** @param {any} r */
export const isMessage = r => r.collectionName === 'feedback' || 'held_reason' in r;

/**
 * The tab that a record is in by its state, or null.
 * @param {any} r a record of issues or feedback
 * @returns {Tab | null}
 */
export function tabFor(r) {
  if (isMessage(r)) return tabs.find(x => x.id === { held: 'held', triaged: 'questions', noise: 'noise' }[/** @type {string} */ (r.state)]) ?? null;
  if (r.merged_into) return null;
  return tabOf({ draft: 'pending', snoozed: 'snoozed' }[/** @type {string} */ (r.state)] ?? 'decided');
}

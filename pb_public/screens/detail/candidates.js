// @ts-check
import { list } from '../../api.js';
import { byId } from '../inbox/subjects.js';
import { isMessage } from '../inbox/tabs.js';

/**
 * The issues that an item may belong to, as they are now, without those that a
 * person set apart from it. The best first.
 * @param {any} item an issue or a message
 * @param {any[]} [reports] its reports, when they are known
 * @returns {Promise<any[]>}
 */
export async function candidatesOf(item, reports) {
  const own = reports ?? (isMessage(item)
    ? await list('feedback', { filter: 'id = {:id}', params: { id: item.id }, fields: 'id,candidates' })
    : await list('feedback', { filter: 'issue = {:id}', params: { id: item.id }, sort: 'created', limit: 10, fields: 'id,candidates' }));
  /** @type {Map<string, any>} */
  const best = new Map();
  for (const r of own) {
    for (const c of Array.isArray(r.candidates) ? r.candidates : []) {
      if (c.issue !== item.id && (best.get(c.issue)?.score ?? 0) < c.score) best.set(c.issue, { ...c, id: c.issue, report: r.id });
    }
  }
  if (best.size === 0) return [];
  const [now, apart] = await Promise.all([
    byId('issues', [...best.keys()]),
    list('separations', { filter: 'low = {:id} || high = {:id}', params: { id: item.id }, limit: 200, fields: 'low,high' }),
  ]);
  const separated = new Set(apart.flatMap(s => [s.low, s.high]));
  return [...best.values()].filter(c => now.has(c.id) && !now.get(c.id).merged_into && !separated.has(c.id)).map(c => ({ ...c, ...now.get(c.id), score: c.score, shared: c.shared ?? [] })).sort((a, b) => b.score - a.score);
}

// @ts-check
import { list } from '../../api.js';

/**
 * What rules decided, as items: each decision with the message or issue that it
 * is about.
 * @param {any[]} decisions
 */
export async function subjects(decisions) {
  const [issues, messages] = await Promise.all(['issues', 'feedback'].map(of => byId(of, decisions.filter(d => d.subject === of).map(d => d.subject_id))));
  return decisions.map(d => {
    const r = (d.subject === 'issues' ? issues : messages).get(d.subject_id);
    return r && { ...r, decision: d, created: d.created, group: d.group };
  }).filter(Boolean);
}

/**
 * @param {string} of
 * @param {string[]} ids
 * @returns {Promise<Map<string, any>>}
 */
export async function byId(of, ids) {
  const out = new Map();
  const all = [...new Set(ids)];
  for (let i = 0; i < all.length; i += 40) {
    const some = all.slice(i, i + 40);
    const params = Object.fromEntries(some.map((id, n) => [`i${n}`, id]));
    const filter = some.map((_, n) => `id = {:i${n}}`).join(' || ');
    const fields = of === 'issues' ? 'id,collectionName,number,title,class,severity,state,version,reporter_count,last_seen,merged_into'
      : 'id,collectionName,source,state,issue,class,severity,confidence,title,subject,engine,degraded,held_reason,similarity';
    for (const r of await list(of, { filter, params, fields, limit: 40 })) out.set(r.id, r);
  }
  return out;
}

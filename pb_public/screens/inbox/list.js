// @ts-check
// The items of one tab, page by page. A page is found by the last item of the
// one before it (keyset), so it costs the same at the end of 100,000 items.
// Groups are read one after the other; what several filters find is merged.
import { signal } from '../../vendor/runtime.js';
import { list } from '../../api.js';

export const PAGE = 60;

/** @typedef {{field: string, down: boolean}} Order */
/** @typedef {{id: string, filter: string, params?: Record<string, any>}} Group id '' has no heading */
/** @typedef {{tab: import('./tabs.js').Tab, project: string, order: Order, groups: Group[], filter: string, params: Record<string, any>}} Wanted */

const fields = {
  issues: 'id,collectionName,project,number,title,class,severity,state,version,labels,report_count,reporter_count,first_seen,last_seen,snoozed_until,tracker_key,tracker_url,merged_into,regression_of,rank,created,updated',
  feedback: 'id,collectionName,project,source,state,issue,class,severity,confidence,title,subject,engine,degraded,held_reason,similarity,created,updated',
  decisions: 'id,collectionName,project,subject,subject_id,action,reason,created',
};

/**
 * How a tab is sorted.
 * @param {'issues' | 'feedback' | 'decisions'} of
 * @param {string} sort
 * @returns {Order}
 */
export function orderOf(of, sort) {
  if (sort === 'unsure') return { field: 'confidence', down: false };
  if (of !== 'issues') return { field: 'created', down: sort !== 'oldest' };
  return sort === 'smart' ? { field: 'rank', down: true } : sort === 'oldest' ? { field: 'first_seen', down: false } : { field: 'last_seen', down: true };
}

export function makeList() {
  const items = signal(/** @type {any[]} */ ([])); // records, each with its group
  const state = signal(/** @type {'first' | 'more' | 'ready' | 'all'} */ ('first'));
  const problem = signal(/** @type {Error | null} */ (null));
  let wanted = /** @type {Wanted | null} */ (null);
  /** @type {Map<string, number>} where items were that left by a decision of ours */
  const places = new Map();

  /**
   * @param {Wanted} w
   * @param {Group} group
   * @param {any} after the last item of the page before, or null
   * @param {number} limit
   * @param {string} [only] fields
   */
  async function page(w, group, after, limit, only) {
    const { field, down } = w.order;
    const than = down ? '<' : '>';
    const common = ['project = {:project}', w.filter, group.filter, after && `${field} ${than} {:at} || (${field} = {:at} && id ${than} {:last})`];
    const params = { ...w.params, ...group.params, project: w.project, at: after?.[field], last: after?.id };
    const found = await Promise.all(w.tab.filters.map(f => list(w.tab.of, {
      filter: [...common, f].filter(Boolean).map(p => `(${p})`).join(' && '), params, limit,
      sort: down ? `-${field},-id` : `${field},id`, fields: only ?? fields[w.tab.of],
    })));
    if (found.length === 1) return found[0].map(r => ({ ...r, group: group.id }));
    const order = (/** @type {any} */ a, /** @type {any} */ b) => (a[field] < b[field] ? -1 : a[field] > b[field] ? 1 : a.id < b.id ? -1 : 1) * (down ? -1 : 1);
    return found.flat().sort(order).slice(0, limit).map(r => ({ ...r, group: group.id }));
  }

  /** @param {any} last the last item that is shown, or null */
  async function read(last) {
    const w = wanted;
    if (!w) return;
    state.value = last ? 'more' : 'first';
    problem.value = null;
    try {
      const from = last ? w.groups.findIndex(g => g.id === last.group) : 0;
      // the first view asks for all groups at once; most are short
      const pages = last ? [] : await Promise.all(w.groups.map(g => page(w, g, null, PAGE)));
      const found = [];
      let full = false;
      for (let i = from; i < w.groups.length && !full; i++) {
        const p = pages[i] ?? await page(w, w.groups[i], i === from ? last : null, PAGE);
        found.push(...p);
        full = p.length === PAGE;
      }
      const fresh = w.tab.of === 'decisions' ? await (await import('./subjects.js')).subjects(found) : found;
      if (w !== wanted) return;
      const before = last ? items.value : [];
      const known = new Set(before.map(i => i.id));
      items.value = [...before, ...fresh.filter(i => !known.has(i.id) && known.add(i.id))];
      state.value = full ? 'ready' : 'all';
    } catch (err) {
      if (w !== wanted) return;
      problem.value = /** @type {Error} */ (err);
      state.value = 'all';
    }
  }

  return {
    items, state, problem,
    /** @param {Wanted} next */
    open(next) {
      wanted = next;
      items.value = [];
      places.clear();
      return read(null);
    },
    reload: () => read(null),
    more() { if (state.value === 'ready' && items.value.length) read(items.value[items.value.length - 1]); },
    /**
     * Puts a record as it is now in the place of what is shown. It stays where
     * it is even when it has left the tab: nothing moves under a hand.
     * @param {any} r
     */
    patch(r) {
      const at = items.value.findIndex(i => i.id === r.id);
      if (at >= 0) items.value = items.value.with(at, { ...items.value[at], ...r, group: items.value[at].group });
      return at >= 0;
    },
    /** Takes items away that this person has decided on. @param {string[]} ids */
    drop(ids) {
      const gone = new Set(ids);
      items.value.forEach((item, i) => { if (gone.has(item.id)) places.set(item.id, i); });
      items.value = items.value.filter(i => !gone.has(i.id));
    },
    /** Puts an item back where it was before drop(). @param {any} r */
    restore(r) {
      const at = places.get(r.id);
      if (at === undefined || items.value.some(i => i.id === r.id)) return;
      const near = items.value[Math.min(at, items.value.length - 1)];
      items.value = items.value.toSpliced(at, 0, { ...r, group: r.group ?? near?.group ?? '' });
    },
    /** Every item that matches, not only those read so far; at most 5,000. */
    async all() {
      const w = /** @type {Wanted} */ (wanted);
      const out = [];
      for (const g of w.groups) {
        for (let last = null; out.length < 5000;) {
          const p = await page(w, g, last, 500, `id,collectionName,version,held_reason,${w.order.field}`);
          out.push(...p);
          last = p[p.length - 1];
          if (p.length < 500) break;
        }
      }
      return [...new Map(out.map(i => [i.id, i])).values()];
    },
  };
}

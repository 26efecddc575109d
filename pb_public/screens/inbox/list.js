// @ts-check
// The items of one tab, page by page. A page is found by the last item of the
// one before it (keyset), so it costs the same at the end of 100,000 items.
import { signal } from '../../vendor/runtime.js';
import { list } from '../../api.js';
import { tabFor } from './tabs.js';

export const PAGE = 60;

/** @typedef {{field: string, down: boolean}} Sort */

/** @type {Record<'issues' | 'feedback', Record<string, Sort>>} */
export const sorts = {
  issues: { newest: { field: 'last_seen', down: true }, oldest: { field: 'first_seen', down: false } },
  feedback: { newest: { field: 'created', down: true }, oldest: { field: 'created', down: false }, confidence: { field: 'confidence', down: false } },
};

const fields = {
  issues: 'id,collectionName,project,number,title,class,severity,state,version,labels,report_count,reporter_count,first_seen,last_seen,snoozed_until,tracker_key,tracker_url,filing,merged_into,regression_of,created,updated',
  feedback: 'id,collectionName,project,source,state,issue,class,severity,confidence,title,subject,engine,degraded,held_reason,similarity,created,updated',
};

/** @typedef {{tab: import('./tabs.js').Tab, project: string, sort: Sort, where: string, params: Record<string, any>}} Wanted */

export function makeList() {
  const items = signal(/** @type {any[]} */ ([]));
  const state = signal(/** @type {'first' | 'more' | 'ready' | 'all'} */ ('first'));
  const problem = signal(/** @type {Error | null} */ (null));
  let wanted = /** @type {Wanted | null} */ (null);

  /** @param {any} [after] the last item of the page before */
  function page(after) {
    const { tab, project, sort, where, params } = /** @type {Wanted} */ (wanted);
    const parts = [`project = {:project} && ${tab.filter}`, where];
    const values = { ...params, project };
    if (after) {
      const than = sort.down ? '<' : '>';
      parts.push(`${sort.field} ${than} {:at} || (${sort.field} = {:at} && id ${than} {:id})`);
      Object.assign(values, { at: after[sort.field], id: after.id });
    }
    return list(tab.of, {
      filter: parts.filter(Boolean).map(p => `(${p})`).join(' && '), params: values,
      sort: sort.down ? `-${sort.field},-id` : `${sort.field},id`, fields: fields[tab.of], limit: PAGE,
    });
  }

  /** @param {any} [after] */
  async function read(after) {
    const mine = wanted;
    state.value = after ? 'more' : 'first';
    problem.value = null;
    try {
      const found = await page(after);
      if (mine !== wanted) return;
      const known = new Set(after ? items.value.map(i => i.id) : []);
      items.value = after ? [...items.value, ...found.filter(i => !known.has(i.id))] : found;
      state.value = found.length < PAGE ? 'all' : 'ready';
    } catch (err) {
      if (mine !== wanted) return;
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
      return read();
    },
    reload: () => wanted && read(),
    more: () => { if (state.value === 'ready' && items.value.length) read(items.value[items.value.length - 1]); },
    /**
     * Puts a record as it is now in the place of what is shown; one that has
     * left the tab leaves the list.
     * @param {any} r
     */
    patch(r) {
      const at = items.value.findIndex(i => i.id === r.id);
      if (at < 0) return;
      const next = { ...items.value[at], ...r };
      items.value = tabFor(next) === wanted?.tab ? items.value.with(at, next) : items.value.toSpliced(at, 1);
    },
    /** @param {string} id */
    drop(id) { items.value = items.value.filter(i => i.id !== id); },
  };
}

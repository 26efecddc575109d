// @ts-check
// Where this person is in the inbox: tab, search, sort, cursor, selection. It
// outlives the screen, so that coming back finds the same place.
import { batch, computed, signal } from '../../vendor/runtime.js';
import { list, maybe } from '../../api.js';
import { prefs } from '../../prefs.js';
import { query } from '../../router.js';
import { projectId } from '../../store.js';
import { sayProblem } from '../../ui/toast.js';
import { makeList, orderOf } from './list.js';
import { parse, tabAsked, toFilter } from './query.js';
import { tabOf } from './tabs.js';

export const data = makeList();
/** The item that keys act on, by id. */
export const cursor = signal('');
/** What is selected: id → the item, which may not be among those read so far. */
export const selected = signal(/** @type {Map<string, any>} */ (new Map()));
/** Ids of items that arrived and are not shown yet. */
export const fresh = signal(/** @type {Set<string>} */ (new Set()));
/** What GET /rows said of issues: sources, sparkline, confidence, engine. */
export const facts = signal(/** @type {Record<string, any>} */ ({}));

export const search = computed(() => query.value.get('q') ?? '');
const terms = computed(() => parse(search.value));
export const tab = computed(() => tabOf(tabAsked(terms.value) ?? query.value.get('tab')));
export const sort = computed(() => {
  const asked = query.value.get('sort') ?? prefs.value.sort;
  return tab.value.sorts.includes(asked) ? asked : tab.value.sorts[0];
});
export const filter = computed(() => toFilter(terms.value, tab.value.of));
/** The words of the search that mean nothing in this tab. */
export const ignored = computed(() => filter.value.unknown.map(x => `${x.name}:${x.value}`));

export const current = computed(() => data.items.value.find(i => i.id === cursor.value) ?? null);
/** What an action is about: the selection, else the item under the cursor. */
export const targets = computed(() => selected.value.size ? [...selected.value.values()] : current.value ? [current.value] : []);

const severities = ['critical', 'high', 'medium', 'low'];

/** Reads the tab anew, as the address says. */
export async function openTab() {
  const smart = sort.value === 'smart';
  const rising = smart && tab.value.id === 'pending' ? await risingIssues() : [];
  /** @type {import('./list.js').Group[]} */
  const groups = !smart ? [{ id: '', filter: '' }] : severities.map(s => ({ id: s, filter: `severity = "${s}"` }));
  if (rising.length) {
    groups.unshift({ id: 'escalating', filter: rising.map((_, i) => `id = {:up${i}}`).join(' || '), params: Object.fromEntries(rising.map((id, i) => [`up${i}`, id])) });
  }
  batch(() => {
    fresh.value = new Set();
    selected.value = new Map();
  });
  await data.open({ tab: tab.value, project: projectId.value, order: orderOf(tab.value.of, sort.value), groups, filter: filter.value.filter, params: filter.value.params });
}

/** @returns {Promise<string[]>} the issues with an open alert, most reports first */
async function risingIssues() {
  const found = await list('alerts', { filter: 'project = {:p} && kind = "cluster" && state = "open"', params: { p: projectId.value }, sort: '-count', limit: 20, fields: 'issue' }).catch(() => []);
  return found.map(a => a.issue).filter(Boolean);
}

/** @type {Set<string>} */
const asking = new Set();

/**
 * Reads the facts of rows that have come into view.
 * @param {any[]} rows
 */
export async function wantFacts(rows) {
  const ids = rows.filter(r => r.collectionName === 'issues' && !facts.value[r.id] && !asking.has(r.id)).map(r => r.id).slice(0, 100);
  if (ids.length === 0) return;
  ids.forEach(id => asking.add(id));
  try {
    const found = await maybe(`/api/projects/${projectId.value}/rows`, { issues: ids.join(',') });
    if (found) facts.value = { ...facts.value, ...found };
  } catch {
    // rows stay without their sparkline; the next view asks again
  } finally {
    ids.forEach(id => asking.delete(id));
  }
}

/** Forgets the facts of an issue that has changed. @param {string} id */
export function staleFacts(id) {
  if (facts.value[id]) facts.value = Object.fromEntries(Object.entries(facts.value).filter(([k]) => k !== id));
}

/** @param {string} id */
export function toggle(id) {
  const item = data.items.value.find(i => i.id === id);
  const next = new Map(selected.value);
  if (!next.delete(id) && item) next.set(id, item);
  selected.value = next;
}

/** Selects all that match, read so far or not. */
export async function selectAll() {
  selected.value = new Map(data.items.value.map(i => [i.id, i]));
  if (data.state.value === 'all') return;
  try {
    const known = selected.value;
    const all = await data.all();
    if (selected.value === known) selected.value = new Map(all.map(i => [i.id, known.get(i.id) ?? i]));
  } catch (err) {
    sayProblem(err);
  }
}

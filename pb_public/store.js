// @ts-check
// What every screen shares: who is signed in, in which project, with which
// role, and the counts that the navigation shows.
import { batch, computed, signal } from './vendor/runtime.js';
import { asked, call, count, list, maybe, pb } from './api.js';
import { prefs, setPrefs } from './prefs.js';

/** @typedef {{id: string, name: string, slug: string, role: string, settings: any}} Project */

/** The signed-in person, or null. */
export const user = signal(/** @type {any} */ (null));
export const isSuperuser = computed(() => user.value?.collectionName === '_superusers');
/** null until they are read. */
export const projects = signal(/** @type {Project[] | null} */ (null));
/** The project that is shown, or null when this person is in none. */
export const project = computed(() => projects.value?.find(p => p.id === prefs.value.project) ?? projects.value?.[0] ?? null);
export const projectId = computed(() => project.value?.id ?? '');
export const role = computed(() => project.value?.role ?? '');

const ranks = ['viewer', 'triager', 'approver', 'admin'];

/**
 * Whether the person may do what needs a role; a button that would fail is not drawn.
 * @param {string} need
 */
export const may = need => ranks.indexOf(role.value) >= ranks.indexOf(need);

/** Counts of the tabs and of the navigation; {} until they are read. */
export const counts = signal(/** @type {Record<string, any>} */ ({}));
/** What GET /api/stats said last: model, breaker, degraded. */
export const engine = signal(/** @type {any} */ (null));

/** @param {string} id */
export function switchProject(id) {
  batch(() => {
    counts.value = {};
    setPrefs({ project: id });
  });
  refreshCounts();
}

/** Takes the session from the browser's storage, asks whether it is still good, and reads the projects. */
export async function loadSession() {
  if (!pb.authStore.isValid) {
    user.value = null;
    projects.value = null;
    return;
  }
  if (!pb.authStore.record) await asked(pb.collection(sessionCollection()).authRefresh());
  user.value = pb.authStore.record;
  projects.value = await readProjects();
  refreshCounts();
}

/** The collection that the token belongs to. */
function sessionCollection() {
  const payload = JSON.parse(atob(pb.authStore.token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  return payload.collectionId;
}

/** @returns {Promise<Project[]>} */
async function readProjects() {
  if (isSuperuser.value) {
    const all = await list('projects', { sort: 'created', limit: 500 });
    return all.map(p => ({ ...p, role: 'admin' }));
  }
  const mine = await list('members', { filter: 'user = {:id}', params: { id: user.value.id }, expand: 'project', sort: 'created', limit: 500 });
  return mine.filter(m => m.expand?.project).map(m => ({ ...m.expand.project, role: m.role }));
}

pb.authStore.onChange((token, record) => {
  if (token) return;
  batch(() => {
    user.value = null;
    projects.value = null;
    counts.value = {};
  });
});

let due = 0;

/** Reads the counts soon; many calls make one request. */
export function refreshCounts() {
  clearTimeout(due);
  due = window.setTimeout(readCounts, Object.keys(counts.value).length ? 400 : 0);
}

async function readCounts() {
  const id = projectId.value;
  if (!id) return;
  try {
    const [summary, stats] = await Promise.all([maybe(`/api/projects/${id}/summary`), call('/api/stats')]);
    const found = summary ?? await countAll(id);
    if (id !== projectId.value) return;
    batch(() => {
      counts.value = found;
      engine.value = stats;
    });
  } catch {
    // the next change or the next minute asks again; what is shown stays
  }
}

/** @param {string} project */
async function countAll(project) {
  const issues = (/** @type {string} */ where) => count('issues', `project = {:project} && merged_into = "" && (${where})`, { project });
  const messages = (/** @type {string} */ where) => count('feedback', `project = {:project} && (${where})`, { project });
  const [pending, held, questions, auto, snoozed, noise, decided] = await Promise.all([
    issues('state = "draft"'), messages('state = "held"'), messages('state = "triaged"'),
    messages('state = "joined" && similarity > 0'), issues('state = "snoozed"'), messages('state = "noise"'),
    issues('state = "approved" || state = "filed" || state = "closed" || state = "declined"'),
  ]);
  return { pending, held, questions, auto, snoozed, noise, decided };
}

setInterval(() => { if (!document.hidden && user.value) refreshCounts(); }, 60_000);

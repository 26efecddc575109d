// @ts-check
// The server, as every screen sees it: PocketBase's SDK for records, call()
// for our own routes, and a refusal as an Error that says what to do.
import PocketBase, { ClientResponseError, LocalAuthStore } from './vendor/pocketbase.js';

export const pb = new PocketBase(location.origin, new LocalAuthStore('iterateswarm_auth'));
pb.autoCancellation(false);

/** A refusal: the server's own sentence, its number and the field it is about. */
export class Problem extends Error {
  /** @param {{message: string, code?: number, status?: number, field?: string, help?: string}} p */
  constructor({ message, code = 0, status = 0, field = '', help = '' }) {
    super(message);
    this.code = code;
    this.status = status;
    this.field = field;
    this.help = help;
  }
}

/**
 * @param {unknown} err what a request threw
 * @returns {Problem}
 */
export function asProblem(err) {
  if (err instanceof Problem) return err;
  if (!(err instanceof ClientResponseError)) return new Problem({ message: String(/** @type {any} */ (err)?.message ?? err) });
  const body = err.response ?? {};
  if (err.status === 0) return new Problem({ message: 'The server does not answer. What you see may be old.', status: 0 });
  const fields = Object.entries(body.data ?? {}).map(([name, e]) => `${name}: ${/** @type {any} */ (e).message ?? e}`);
  const message = [body.message || `The server answered ${err.status}.`, ...fields].join(' ');
  return new Problem({ message, code: body.code, status: err.status, field: body.field ?? Object.keys(body.data ?? {})[0], help: body.help });
}

/**
 * Waits for a request and turns its refusal into a Problem. A token that is no
 * longer good is forgotten, which shows the sign-in screen.
 * @template T
 * @param {Promise<T>} request
 * @returns {Promise<T>}
 */
export async function asked(request) {
  try {
    return await request;
  } catch (err) {
    const p = asProblem(err);
    if (p.status === 401 && pb.authStore.token) pb.authStore.clear();
    throw p;
  }
}

/**
 * Calls one of our own routes.
 * @param {string} path
 * @param {{method?: string, body?: any, query?: Record<string, any>, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export function call(path, { method = 'GET', ...rest } = {}) {
  return asked(pb.send(path, { method, ...rest }));
}

/**
 * A filter with its values in their places, all in one pass: a value that looks
 * like a parameter stays a value. (pb.filter() replaces one after the other.)
 * @param {string} filter
 * @param {Record<string, any>} params
 */
export function bind(filter, params) {
  return filter.replace(/\{:(\w+)\}/g, (all, name) => name in params ? literal(params[name]) : all);
}

/** @param {any} v */
function literal(v) {
  if (typeof v === 'number' || typeof v === 'boolean') return String(v);
  if (v === null || v === undefined) return 'null';
  // a backslash before a quote, or at the end, would open what is closed here;
  // PocketBase refuses every filter that has @request. in it, even as a text
  return `'${String(v).replace(/\0/g, '').replace(/@(?=request\.)/gi, '').replace(/\\+(?='|$)/g, '').replaceAll("'", "\\'")}'`;
}

/**
 * Lists records without counting them. The filter names its values as {:name};
 * never put a value into it by hand.
 * @param {string} collection
 * @param {{filter?: string, params?: Record<string, any>, sort?: string, fields?: string, expand?: string, limit?: number}} [options]
 * @returns {Promise<any[]>}
 */
export async function list(collection, { filter = '', params = {}, limit = 100, ...rest } = {}) {
  const page = await asked(pb.collection(collection).getList(1, limit, { filter: filter ? bind(filter, params) : '', skipTotal: true, ...rest }));
  return page.items;
}

/**
 * Counts records.
 * @param {string} collection
 * @param {string} filter
 * @param {Record<string, any>} params
 * @returns {Promise<number>}
 */
export async function count(collection, filter, params) {
  const page = await asked(pb.collection(collection).getList(1, 1, { filter: bind(filter, params), fields: 'id' }));
  return page.totalItems;
}

/**
 * @param {string} collection
 * @param {string} id
 * @param {{expand?: string, fields?: string}} [options]
 * @returns {Promise<any>} the record, or null when there is none for this person
 */
export async function one(collection, id, options = {}) {
  try {
    return await asked(pb.collection(collection).getOne(id, options));
  } catch (err) {
    if (/** @type {Problem} */ (err).status === 404) return null;
    throw err;
  }
}

/**
 * Asks a route that this server may not have. null means that it has not.
 * @param {string} path
 * @param {Record<string, any>} [query]
 */
export async function maybe(path, query) {
  try {
    return await call(path, { query });
  } catch (err) {
    if ([404, 405, 501].includes(/** @type {Problem} */ (err).status)) return null;
    throw err;
  }
}

/**
 * Signs in as a user of the team, or else as a superuser.
 * @param {string} email
 * @param {string} password
 */
export async function signIn(email, password) {
  try {
    await pb.collection('users').authWithPassword(email, password);
  } catch (first) {
    if (/** @type {any} */ (first).status !== 400) throw asProblem(first);
    try {
      await pb.collection('_superusers').authWithPassword(email, password);
    } catch (second) {
      throw asProblem(second);
    }
  }
}

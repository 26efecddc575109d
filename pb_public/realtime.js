// @ts-check
// Changes as they happen, over one connection for the whole browser. Tabs elect
// a leader with a Web Lock; it holds the connection and passes on what arrives
// over a BroadcastChannel. Web Locks need https or localhost: elsewhere every
// tab has its own connection and gives it back half a minute after it was hidden.
import { signal } from './vendor/runtime.js';
import { pb } from './api.js';

/** @typedef {{action: 'create' | 'update' | 'delete', record: any}} Change */
/** @typedef {{kind: 'change', topic: string, change: Change} | {kind: 'state', live: boolean} | {kind: 'gap'} | {kind: 'want', topics: string[]} | {kind: 'who'}} Note */

/** live, reconnecting, or off while nobody listens. */
export const connection = signal(/** @type {'off' | 'live' | 'reconnecting'} */ ('off'));

/** @type {Map<string, Set<(c: Change) => void>>} */
const listeners = new Map();
/** @type {Set<() => void>} */
const gapListeners = new Set();
const channel = new BroadcastChannel('iterateswarm_realtime');
/** @type {Set<string>} topics that some tab wants; the leader keeps it */
const wanted = new Set();
/** @type {Map<string, () => Promise<void>>} */
const subscribed = new Map();
let leading = false;
let started = false;
let connects = 0;

/** @param {Note} note to this tab and all others */
function tell(note) {
  channel.postMessage(note);
  hear(note);
}

/** @param {Note} note */
function hear(note) {
  if (note.kind === 'change') for (const f of listeners.get(note.topic) ?? []) f(note.change);
  if (note.kind === 'state') connection.value = note.live ? 'live' : 'reconnecting';
  if (note.kind === 'gap') for (const f of gapListeners) f();
  if (note.kind === 'who') channel.postMessage({ kind: 'want', topics: [...listeners.keys()] });
  if (note.kind === 'want' && leading) {
    for (const topic of note.topics) want(topic);
    channel.postMessage({ kind: 'state', live: connection.value === 'live' });
  }
}
channel.onmessage = e => hear(e.data);

/**
 * Hears the changes of a collection's records that this person may read.
 * @param {string} collection
 * @param {(c: Change) => void} heard
 * @returns {() => void} stop
 */
export function onRecords(collection, heard) {
  const all = listeners.get(collection) ?? new Set();
  listeners.set(collection, all.add(heard));
  start();
  if (leading) want(collection);
  else channel.postMessage({ kind: 'want', topics: [collection] });
  return () => { all.delete(heard); };
}

/** Whether this tab holds the connection. */
export const leads = () => leading;

/**
 * Hears when changes may have been missed: read again what is shown.
 * @param {() => void} heard
 * @returns {() => void} stop
 */
export function onGap(heard) {
  gapListeners.add(heard);
  return () => { gapListeners.delete(heard); };
}

function start() {
  if (started) return;
  started = true;
  if (navigator.locks) {
    // held until the tab ends; then another tab gets it
    navigator.locks.request('iterateswarm_realtime', () => new Promise(() => lead()));
  } else {
    lead();
    letGoWhenHidden();
  }
}

function lead() {
  leading = true;
  for (const topic of listeners.keys()) want(topic);
  pb.realtime.onDisconnect = () => tell({ kind: 'state', live: false });
  pb.realtime.subscribe('PB_CONNECT', () => {
    tell({ kind: 'state', live: true });
    if (connects++ > 0) tell({ kind: 'gap' });
  }).catch(() => {});
  channel.postMessage({ kind: 'who' });
  // whatever happened between the old leader and this one was missed
  if (performance.now() > 10_000) tell({ kind: 'gap' });
}

/** @param {string} topic */
async function want(topic) {
  wanted.add(topic);
  if (subscribed.has(topic)) return;
  subscribed.set(topic, async () => {});
  try {
    const stop = await pb.collection(topic).subscribe('*', e => tell({ kind: 'change', topic, change: /** @type {Change} */ (e) }), slim[topic]);
    subscribed.set(topic, stop);
  } catch {
    subscribed.delete(topic); // a collection that this server has not, or no session
  }
}

// A message's verdict can be half a megabyte; a list needs none of it.
/** @type {Record<string, any>} */
const slim = {
  feedback: { query: { fields: 'id,collectionName,project,source,state,issue,class,severity,confidence,title,engine,degraded,held_reason,created,updated' } },
};

function letGoWhenHidden() {
  let timer = 0;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (document.hidden) {
      timer = window.setTimeout(() => {
        pb.realtime.unsubscribe();
        subscribed.clear();
        connection.value = 'off';
      }, 30_000);
    } else if (subscribed.size === 0 && wanted.size > 0) {
      lead();
      tell({ kind: 'gap' });
    }
  });
}

let who = pb.authStore.record?.id;

// Somebody else signed in, or out: what may be heard has changed. A token that
// was only renewed changes nothing.
pb.authStore.onChange(async (token, record) => {
  const before = who;
  who = token ? record?.id ?? who : '';
  if (!leading || who === before || (before === undefined && who)) return;
  await pb.realtime.unsubscribe().catch(() => {});
  subscribed.clear();
  connects = 0;
  if (who) lead();
  else connection.value = 'off';
});

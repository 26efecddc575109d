// @ts-check
import { signal } from '../../vendor/runtime.js';

/** The question that a decision asks before it is made, as a component; null when none is open. */
export const asking = signal(/** @type {any} */ (null));
export const close = () => { asking.value = null; };

/** Draws the open question. */
export const Asking = () => asking.value;

/** How many items one request decides on by itself; more become a run on the server, after one question. */
export const AT_ONCE = 20;

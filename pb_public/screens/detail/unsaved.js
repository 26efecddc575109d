// @ts-check
import { signal } from '../../vendor/runtime.js';

/** The edits of the open draft that are not saved, and how to save them: null when refused. */
export const unsaved = signal(/** @type {{id: string, save: () => Promise<any>} | null} */ (null));

/** What was typed and not saved, by issue; going elsewhere does not lose it. @type {Map<string, Record<string, any>>} */
export const kept = new Map();

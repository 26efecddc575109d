// @ts-check
// Texts come from i18n/<language>.json, numbers and dates from Intl.

/** @type {Record<string, string | Record<string, string>>} */
let messages = {};
const languages = ['en'];
export const language = navigator.languages.map(l => l.split('-')[0]).find(l => languages.includes(l)) ?? 'en';
const plural = new Intl.PluralRules(language);

/**
 * Reads the catalogue; app.js waits for it before it draws anything. A part
 * holds the texts of some screens, and is read with them.
 * @param {string} [part]
 */
export async function loadMessages(part) {
  messages = { ...messages, ...await (await fetch(`/i18n/${language}${part ? `.${part}` : ''}.json`)).json() };
}

/**
 * The text with this name. {name} is replaced by a value; a text with plural
 * forms chooses by the value n.
 * @param {string} name
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(name, values = {}) {
  const found = messages[name];
  const text = typeof found === 'object' ? found[plural.select(Number(values.n))] ?? found.other : found;
  if (text === undefined) {
    console.error(`no text is called ${name}`); // the browser tests fail by it
    return name;
  }
  return text.replace(/\{(\w+)\}/g, (all, key) => {
    const v = values[key];
    return v === undefined ? all : typeof v === 'number' ? number(v) : v;
  });
}

/**
 * Whether the catalogue has this text.
 * @param {string} name
 */
export const has = name => name in messages;

const plain = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
const parts = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });

/** @param {number} n */
export const number = n => plain.format(n);
/** @param {number} n such as 1.2K */
export const compact = n => short.format(n);
/** @param {number} n 0 to 1 */
export const percent = n => parts.format(n);

/**
 * A PocketBase date.
 * @param {string | Date} at
 */
export const asDate = at => at instanceof Date ? at : new Date(at.replace(' ', 'T'));

/** @param {string | Date} at */
export const dateTime = at => asDate(at).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' });

const units = /** @type {const} */ ([['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]]);
const relative = new Intl.RelativeTimeFormat(language, { style: 'narrow', numeric: 'auto' });

/**
 * How long ago, or until when, in one short word.
 * @param {string | Date} at
 * @param {number} [now]
 */
export function ago(at, now = Date.now()) {
  const seconds = (asDate(at).getTime() - now) / 1000;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return t('time.now');
}

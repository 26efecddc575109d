// @ts-check

/** Words too short or too common to mean that two texts are about the same. */
const usual = new Set('the and for that this with from have has had was were are but not you your can when what there just get got out its it\'s i\'m then than them they would could should about into every time'.split(' '));

/** @param {string} text */
const words = text => text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}'’]*/gu) ?? [];
/** crashes and crash are one word. @param {string} w */
const stem = w => w.length > 4 ? w.replace(/(ing|ies|es|ed|s)$/u, '') : w;

/**
 * Cuts a text where words begin and end that the other text has too.
 * @param {string} text
 * @param {string} other
 * @returns {{text: string, shared: boolean}[]}
 */
export function sharedPieces(text, other) {
  const theirs = new Set(words(other).map(stem));
  /** @type {{text: string, shared: boolean}[]} */
  const out = [];
  for (const part of text.split(/([\p{L}\p{N}][\p{L}\p{N}'’]*)/u)) {
    if (part === '') continue;
    const w = part.toLowerCase();
    const shared = w.length > 2 && !usual.has(w) && theirs.has(stem(w));
    const last = out[out.length - 1];
    if (last && last.shared === shared) last.text += part;
    else out.push({ text: part, shared });
  }
  return out;
}

// @ts-check
import { html } from '../../vendor/runtime.js';

/** @typedef {{start: number, end: number, field?: string}} Span byte offsets into the UTF-8 of the text */

/**
 * Cuts a text at the borders of its evidence. Offsets count bytes of UTF-8;
 * JavaScript counts UTF-16. Spans that fit nowhere are left out.
 * @param {string} text
 * @param {Span[]} spans
 * @returns {{text: string, fields: string[]}[]} pieces in order; fields is empty where nothing is marked
 */
export function pieces(text, spans) {
  const bytes = new TextEncoder().encode(text);
  const border = (/** @type {number} */ n) => Number.isInteger(n) && n >= 0 && n <= bytes.length && (n === bytes.length || (bytes[n] & 0xc0) !== 0x80);
  const good = spans.filter(s => border(s.start) && border(s.end) && s.start < s.end);
  const cuts = [...new Set([0, bytes.length, ...good.flatMap(s => [s.start, s.end])])].sort((a, b) => a - b);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const out = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [from, to] = [cuts[i], cuts[i + 1]];
    const fields = [...new Set(good.filter(s => s.start <= from && s.end >= to).map(s => s.field ?? 'evidence'))];
    out.push({ text: decoder.decode(bytes.subarray(from, to)), fields });
  }
  return out;
}

/**
 * A text of a stranger, as text, with its evidence marked. lit names the field
 * whose evidence stands out now.
 * @param {{text: string, spans: Span[], lit?: string}} props
 */
export function Marked({ text, spans, lit }) {
  return html`${pieces(text, spans).map(p => p.fields.length
    ? html`<mark class=${lit && p.fields.includes(lit) ? 'lit' : ''} data-fields=${p.fields.join(' ')}>${p.text}</mark>` : p.text)}`;
}

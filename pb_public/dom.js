// @ts-check
// Elements without markup: text from strangers goes in as text, never as HTML.

/**
 * @param {string} tag
 * @param {Record<string, any>} [attrs] functions become event listeners
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElement}
 */
export function h(tag, attrs = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (typeof value === 'function') el.addEventListener(name, value);
    else if (value === true) el.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) el.setAttribute(name, String(value));
  }
  for (const c of children) if (c !== null && c !== undefined) el.append(c);
  return el;
}

/**
 * The text with its evidence marked. Offsets are bytes of the UTF-8 text.
 * @param {string} text
 * @param {{start: number, end: number}[]} spans
 */
export function marked(text, spans) {
  const bytes = new TextEncoder().encode(text);
  const decode = (/** @type {number} */ a, /** @type {number} */ b) => new TextDecoder().decode(bytes.slice(a, b));
  const out = h('blockquote');
  let at = 0;
  for (const s of [...spans].sort((a, b) => a.start - b.start)) {
    if (s.start < at || s.end > bytes.length) continue;
    out.append(decode(at, s.start), h('mark', {}, decode(s.start, s.end)));
    at = s.end;
  }
  out.append(decode(at, bytes.length));
  return out;
}

/** @param {string} iso a PocketBase date */
export function when(iso) {
  const d = new Date(iso.replace(' ', 'T'));
  return h('time', { datetime: d.toISOString() }, d.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }));
}

/** @param {{report_count: number, reporter_count: number}} issue */
export function counts({ report_count: n, reporter_count: who }) {
  return `${n} ${n === 1 ? 'report' : 'reports'} by ${who} ${who === 1 ? 'reporter' : 'reporters'}`;
}

// @ts-check
// What the operator pages are built of.
import { html, useEffect, useRef, useState } from '../vendor/runtime.js';

/** @param {{of: any}} props */
export function Problem({ of }) {
  const said = of?.response?.message || of?.message || String(of);
  return html`<p class="bad" role="alert">${said}</p>`;
}

/**
 * Reads something now and again while the page is open.
 * @template T
 * @param {() => Promise<T>} read
 * @param {number} every milliseconds; 0: once
 * @returns {{data: T | null, problem: any, again: () => Promise<void>}}
 */
export function useReading(read, every = 5000) {
  const [state, setState] = useState(/** @type {{data: any, problem: any}} */ ({ data: null, problem: null }));
  const gone = useRef(false);
  const again = async () => {
    try {
      const data = await read();
      if (!gone.current) setState({ data, problem: null });
    } catch (problem) {
      if (!gone.current) setState(s => ({ data: s.data, problem }));
    }
  };
  useEffect(() => {
    gone.current = false;
    again();
    const timer = every ? setInterval(() => { if (!document.hidden) again(); }, every) : 0;
    return () => { gone.current = true; clearInterval(timer); };
  }, []);
  return { ...state, again };
}

/** @param {{title: string, value: any, note?: any, tone?: string}} props */
export const Tile = ({ title, value, note, tone = '' }) => html`<div class=${`tile ${tone}`}><h3>${title}</h3><p class="value">${value}</p>${note && html`<p class="quiet">${note}</p>`}</div>`;

/**
 * A button that does something on the server and says how that went.
 * @param {{children: any, run: () => Promise<any>, look?: string, sure?: string}} props sure: what to ask before
 */
export function Act({ children, run, look = '', sure }) {
  const [state, setState] = useState('');
  const click = async () => {
    if (sure && !confirm(sure)) return;
    setState('busy');
    try {
      await run();
      setState('');
    } catch (err) {
      const e = /** @type {any} */ (err);
      setState(e?.response?.message || e?.message || 'It failed.');
    }
  };
  return html`<span><button type="button" class=${look} disabled=${state === 'busy'} onClick=${click}>${children}</button>
    ${state && state !== 'busy' && html` <span class="bad" role="alert">${state}</span>`}</span>`;
}

/**
 * One bar a minute, with the numbers as a table for who wants them.
 * @param {{title: string, unit: string, rows: {at: string, n: number | null}[]}} props
 */
export function Bars({ title, unit, rows }) {
  const known = rows.filter(r => r.n !== null);
  const most = Math.max(1, ...known.map(r => r.n ?? 0));
  const last = known.at(-1)?.n;
  const summary = known.length === 0 ? `${title}: not measured yet` : `${title}: ${round(last)} ${unit} now, ${round(Math.max(...known.map(r => r.n ?? 0)))} at most in the last hour`;
  return html`<figure class="bars"><figcaption>${title}<b>${known.length ? `${round(last)} ${unit}` : 'not measured yet'}</b></figcaption>
    <svg viewBox="0 0 240 40" preserveAspectRatio="none" role="img" aria-label=${summary}>
      ${rows.map((r, i) => r.n ? html`<rect x=${i * 4} y=${40 - 38 * r.n / most} width="3" height=${38 * r.n / most} />` : null)}</svg>
    <details><summary>As a table</summary><div class="wide" tabindex="0"><table><thead><tr><th>UTC</th><th>${unit}</th></tr></thead>
      <tbody>${rows.map(r => html`<tr><td>${r.at.slice(11)}</td><td>${r.n === null ? '–' : round(r.n)}</td></tr>`)}</tbody></table></div></details></figure>`;
}

/** @param {number | null | undefined} n */
export const round = n => (n === null || n === undefined ? '–' : n >= 100 ? Math.round(n).toLocaleString() : String(Math.round(n * 10) / 10));

/** @param {number | null | undefined} n bytes */
export function bytes(n) {
  if (n === null || n === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${n >= 100 || i === 0 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

/** @param {string | null | undefined} at */
export function when(at) {
  if (!at) return 'never';
  const d = new Date(at.includes('T') ? at : `${at.replace(' ', 'T')}${at.endsWith('Z') ? '' : 'Z'}`);
  return html`<time datetime=${d.toISOString()} title=${d.toISOString()}>${d.toLocaleString()}</time>`;
}

/** @param {number} s seconds */
export function lasted(s) {
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

/** @param {{of: string}} props */
export const State = ({ of }) => html`<span class=${`state ${/running|ok|closed|ready|done/.test(of) ? 'good' : /start|backoff|half|disabled|off/.test(of) ? 'so-so' : 'ill'}`}>${of}</span>`;

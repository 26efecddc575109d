// @ts-check
// Time series, drawn by uPlot, which is read when the first chart is shown.
import { html, useEffect, useRef } from '../../vendor/runtime.js';
import { language, number } from '../../i18n.js';
import { prefs } from '../../prefs.js';

/** @type {Promise<any> | null} */
let plot = null;
function uplot() {
  plot ??= Promise.all([import('../../vendor/uplot.js'), new Promise(done => {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: '/vendor/uplot.css', onload: done, onerror: done }));
  })]).then(([m]) => m.default);
  return plot;
}

/** @param {string} name */
const token = name => {
  const probe = Object.assign(document.createElement('i'), { hidden: true });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
};

/**
 * Areas stacked on each other, one for each series, by day.
 * @param {{days: string[], series: {label: string, color: string, values: number[]}[], label: string, height?: number, onDay?: (day: string) => void}} props
 */
export function Areas({ days, series, label, height = 220, onDay }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    let gone = false;
    /** @type {any} */
    let chart = null;
    const el = /** @type {HTMLElement} */ (box.current);
    const times = days.map(d => Date.parse(`${d}T00:00:00Z`) / 1000);
    // each band is drawn from the sum of those under it; the first is the highest
    const sums = series.map((_, i) => days.map((_, d) => series.slice(i).reduce((a, s) => a + s.values[d], 0)));
    uplot().then(uPlot => {
      if (gone) return;
      const grid = token('--line'), ink = token('--muted');
      const font = `12px ${getComputedStyle(document.body).fontFamily}`;
      chart = new uPlot({
        width: el.clientWidth, height, padding: [8, 8, 0, 0], legend: { show: false }, tzDate: (/** @type {number} */ s) => uPlot.tzDate(new Date(s * 1000), 'UTC'),
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range: (/** @type {any} */ u, /** @type {number} */ min, /** @type {number} */ max) => [0, Math.max(4, max * 1.1)] } },
        axes: [
          { stroke: ink, font, grid: { show: false }, ticks: { stroke: grid, size: 4 }, values: (/** @type {any} */ u, /** @type {number[]} */ at) => at.map(s => new Date(s * 1000).toLocaleDateString(language, { day: 'numeric', month: 'short', timeZone: 'UTC' })), space: 70 },
          { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false }, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], values: (/** @type {any} */ u, /** @type {number[]} */ at) => at.map(n => number(n)) },
        ],
        series: [{}, ...series.map(s => ({ label: s.label, stroke: token(s.color), fill: token(s.color), width: 1, points: { show: days.length < 3 } }))],
      }, [times, ...sums], el);
      if (onDay) chart.over.addEventListener('click', () => { if (chart.cursor.idx !== null) onDay(days[chart.cursor.idx]); });
    });
    const resize = new ResizeObserver(() => chart?.setSize({ width: el.clientWidth, height }));
    resize.observe(el);
    return () => { gone = true; resize.disconnect(); chart?.destroy(); };
  }, [days, series, prefs.value.theme]);
  return html`<div><div ref=${box} class=${`plot ${onDay ? 'pointed' : ''}`} role="img" aria-label=${label}></div>
    <ul class="legend" aria-hidden="true">${series.map(s => html`<li key=${s.label}><i style=${{ background: `var(${s.color})` }}></i>${s.label}</li>`)}</ul></div>`;
}

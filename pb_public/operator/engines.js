// @ts-check
import { html } from '../vendor/runtime.js';
import { Problem, round, State, Tile, useReading, when } from './parts.js';

/** How the embedded engine and the model do. @param {{pb: any}} props */
export default function Engines({ pb }) {
  const { data, problem } = useReading(() => pb.send('/api/engines', {}));
  if (!data) return problem ? html`<${Problem} of=${problem} />` : html`<p class="quiet" aria-busy="true">Loading …</p>`;
  return html`${problem && html`<${Problem} of=${problem} />`}
    ${data.engines.map((/** @type {any} */ e) => html`<section key=${e.name}><h2>${e.name === 'offline' ? 'Embedded engine' : e.model?.model ?? 'Model'} <${State} of=${e.state} /></h2>
      <div class="tiles">
        <${Tile} title=${e.name === 'offline' ? 'Weights' : 'Prompt'} value=${e.version} />
        <${Tile} title="Time, middle" value=${e.speed.n ? `${round(e.speed.p50_ms)} ms` : 'not measured yet'} note=${e.speed.n ? `of the last ${e.speed.n}` : ''} />
        <${Tile} title="Time, 95 of 100" value=${e.speed.n ? `${round(e.speed.p95_ms)} ms` : 'not measured yet'} />
        ${e.name !== 'offline' && html`<${Tile} title="Messages that wait for it" value=${round(e.degraded)} tone=${e.degraded ? 'so-so' : ''} />`}
        ${Object.entries(e.model ?? {}).filter(([k, v]) => !['model', 'state', 'prompt'].includes(k) && v !== '' && v !== null && typeof v !== 'object').map(([k, v]) => html`<${Tile} key=${k} title=${title(k)} value=${show(v)} />`)}
        ${e.class_rule && html`<${Tile} title="Whose class counts" value=${e.class_rule} note=${opinions(e.opinions)} />`}
      </div></section>`)}
    ${data.engines.length === 1 && html`<p class="quiet">There is no model: everything is judged by the embedded engine. Set <code>ITERATESWARM_LLM_MODEL</code> to add one; docs/llm.md tells how.</p>`}
    ${data.projects.length > 0 && html`<h2>Budgets today (UTC)</h2>
      <div class="wide" tabindex="0"><table><thead><tr><th>Project</th><th class="num">Tokens</th><th class="num">of</th><th class="num">Cost</th><th class="num">of</th><th>A source may use</th><th>Waiting</th></tr></thead>
      <tbody>${data.projects.map((/** @type {any} */ p) => html`<tr key=${p.project}><td>${p.slug}</td><td class="num">${round(p.tokens)}</td><td class="num">${p.tokens_limit ? round(p.tokens_limit) : '–'}</td>
        <td class="num">${p.cost.toFixed(2)}</td><td class="num">${p.cost_limit ? p.cost_limit.toFixed(2) : '–'}</td><td>${Math.round(100 * p.source_share)} %</td>
        <td>${Object.entries(p.degraded).map(([why, n]) => `${n} ${title(why).toLowerCase()}`).join(', ') || 'none'}</td></tr>`)}</tbody></table></div>`}`;
}

/** @param {any} o */
function opinions(o) {
  if (!o || !o.n) return 'no message is decided on which both have judged';
  return Object.entries(o).filter(([, v]) => typeof v === 'number').map(([k, v]) => `${title(k).toLowerCase()} ${round(/** @type {number} */ (v))}`).join(', ');
}

/** @param {string} name */
const title = name => name.replaceAll('_', ' ').replace(/^./, c => c.toUpperCase());

/** @param {any} v */
function show(v) {
  if (typeof v === 'number') return round(v);
  if (typeof v === 'boolean') return v ? 'yes' : 'no';
  return /^\d{4}-\d\d-\d\dT/.test(v) ? when(v) : v;
}

// @ts-check
import { html } from '../vendor/runtime.js';
import { Bars, bytes, lasted, Problem, round, State, Tile, useReading, when } from './parts.js';

/** Health at a glance. @param {{pb: any, href: (part: string) => string}} props */
export default function Overview({ pb, href }) {
  const { data, problem } = useReading(() => pb.send('/api/ops/overview', {}));
  const engines = useReading(() => pb.send('/api/engines', {}), 10_000);
  if (!data) return problem ? html`<${Problem} of=${problem} />` : html`<p class="quiet" aria-busy="true">Loading …</p>`;
  const o = data.overview, q = o.queue, disk = data.disk;
  const on = o.plugins.filter((/** @type {any} */ p) => p.enabled);
  const up = on.filter((/** @type {any} */ p) => p.status === 'running');
  const ill = Object.entries(data.ready).filter(([, said]) => said !== 'ok');
  const full = disk.total ? 1 - disk.free / disk.total : 0;
  const model = engines.data?.engines.find((/** @type {any} */ e) => e.name === 'llm');
  return html`${problem && html`<${Problem} of=${problem} />`}
    ${o.read_only && html`<p class="banner">The server is read-only. <a href=${href('maintenance')}>Maintenance</a></p>`}
    <div class="tiles">
      <${Tile} title="Health" value=${ill.length ? ill.map(([part]) => part).join(', ') : 'All well'} tone=${ill.length ? 'ill' : ''} note=${ill.length ? ill.map(([, said]) => said).join(' ') : 'database, queue and engine'} />
      <${Tile} title="Queue" value=${`${q.available + q.running} due`} tone=${o.waiting_s > 60 ? 'so-so' : ''}
        note=${`${q.running} running, ${q.retryable} to retry, ${q.discarded} given up${q.available ? `; the oldest waits ${lasted(o.waiting_s)}` : ''}`} />
      <${Tile} title="Plugins" value=${`${up.length} of ${on.length}`} tone=${up.length < on.length ? 'ill' : ''}
        note=${up.length < on.length ? on.filter((/** @type {any} */ p) => p.status !== 'running').map((/** @type {any} */ p) => `${p.name}: ${p.status || 'not started'}`).join('; ') : 'running'} />
      <${Tile} title="Model" value=${model ? model.state : 'none'} note=${model ? `${model.model?.model}; ${model.degraded} messages wait for it` : 'the embedded engine judges everything'} tone=${model?.degraded ? 'so-so' : ''} />
      <${Tile} title="Index" value=${`${round(o.indexed)} messages`} note=${`of ${round(o.messages)} stored; in memory, rows in data.db`} />
      <${Tile} title="Disk" value=${`${bytes(disk.free)} free`} tone=${full > 0.95 ? 'ill' : full > 0.85 ? 'so-so' : ''} note=${`data ${bytes(disk.data)}, journal ${bytes(disk.wal)}, logs ${bytes(disk.logs)}`} />
      <${Tile} title="Last backup" value=${data.backup ? when(data.backup.at) : 'never'} tone=${data.backup ? '' : 'so-so'} note=${data.backup ? `${data.backup.name}, ${bytes(data.backup.size)}` : html`<a href=${href('maintenance')}>Make one</a>`} />
      <${Tile} title="Process" value=${bytes(data.process.rss)} note=${html`version ${data.process.version}, ${data.process.goroutines} goroutines, since ${when(data.process.started)}`} />
    </div>
    <div class="charts">
      <${Bars} title="Jobs finished" unit="a minute" rows=${o.minutes.map((/** @type {any} */ m) => ({ at: m.at, n: m.jobs }))} />
      <${Bars} title="From stored to settled, 95 of 100" unit="ms" rows=${o.minutes.map((/** @type {any} */ m) => ({ at: m.at, n: m.p95_ms }))} />
      <${Bars} title="Tokens" unit="a minute" rows=${o.minutes.map((/** @type {any} */ m) => ({ at: m.at, n: model ? m.tokens : null }))} />
    </div>
    <h2>Sources and trackers</h2>
    <div class="wide" tabindex="0"><table><thead><tr><th>Name</th><th>Plugin</th><th>State</th><th>What it says</th></tr></thead>
      <tbody>${o.plugins.map((/** @type {any} */ p) => html`<tr key=${p.id}><td>${p.name} <span class="quiet">${p.kind}</span></td><td>${p.plugin}</td>
        <td><${State} of=${p.enabled ? p.status || 'not started' : 'disabled'} /></td><td>${p.detail}</td></tr>`)}</tbody></table></div>`;
}

// @ts-check
import { html, useState } from '../vendor/runtime.js';
import { Act, bytes, Problem, State, useReading, when } from './parts.js';

/** Programs that can be plugins, and the processes that run. @param {{pb: any}} props */
export default function Plugins({ pb }) {
  const programs = useReading(() => pb.send('/api/plugins', {}), 10_000);
  const running = useReading(() => processes(pb), 5000);
  const [logs, setLogs] = useState(/** @type {{name: string, lines: any[]} | null} */ (null));
  const post = (/** @type {string} */ path, /** @type {any} */ body = {}) => async () => {
    await pb.send(path, { method: 'POST', body });
    await Promise.all([programs.again(), running.again()]);
  };
  const show = (/** @type {any} */ p) => async () => setLogs({ name: p.name, lines: await pb.send(`/api/${p.collection}/${p.id}/logs`, { query: { limit: 200 } }) });
  return html`${[programs, running].map(r => r.problem && html`<${Problem} of=${r.problem} />`)}
    <h2>Running</h2>
    <div class="wide" tabindex="0"><table><thead><tr><th>Name</th><th>Plugin</th><th>State</th><th class="num">Process</th><th class="num">Memory</th><th class="num">Restarts</th><th class="num">Items</th><th>Last item</th><th></th></tr></thead>
      <tbody>${(running.data ?? []).map((/** @type {any} */ p) => html`<tr key=${p.id}><td>${p.name}</td><td>${p.plugin} <span class="quiet">${p.version}</span></td><td><${State} of=${p.state || 'not started'} /> <span class="quiet">${p.detail}</span></td>
        <td class="num">${p.pid || ''}</td><td class="num">${p.rss ? bytes(p.rss) : ''}</td><td class="num">${p.restarts ?? ''}</td><td class="num">${p.items ?? ''}</td><td>${p.last_item ? when(p.last_item) : ''}</td>
        <td class="acts"><${Act} run=${post(`/api/${p.collection}/${p.id}/restart`)}>Restart<//><${Act} run=${show(p)}>Logs<//></td></tr>`)}</tbody></table></div>
    ${logs && html`<section class="logs"><h3>${logs.name} <button type="button" onClick=${() => setLogs(null)}>Close</button></h3>
      <pre tabindex="0">${logs.lines.length ? logs.lines.map((/** @type {any} */ l) => `${l.at}  ${l.level}  ${l.message}\n`) : 'It has said nothing yet.'}</pre></section>`}
    <h2>Programs</h2>
    <p class="acts"><${Act} run=${post('/api/plugins/reload')}>Look for new programs<//><span class="quiet">in pb_data/plugins. A program runs only after it is enabled here; it is then pinned by its checksum.</span></p>
    <div class="wide" tabindex="0"><table><thead><tr><th>Name</th><th>Kind</th><th>Version</th><th>From</th><th>Checksum</th><th>State</th><th></th></tr></thead>
      <tbody>${(programs.data ?? []).map((/** @type {any} */ p) => html`<tr key=${p.name}><td>${p.name}</td><td>${p.kind}</td><td>${p.version}</td><td>${p.origin === 'bundled' ? 'this program' : p.file}</td><td><code>${(p.sha256 ?? '').slice(0, 12)}</code></td>
        <td><${State} of=${p.state} /> <span class="quiet">${p.detail}</span></td>
        <td class="acts">${p.origin === 'file' && (p.state === 'ready' ? html`<${Act} run=${post(`/api/plugins/${p.name}/disable`)}>Disable<//>`
    : p.sha256 && html`<${Act} run=${post(`/api/plugins/${p.name}/enable`, { sha256: p.sha256 })} sure=${`Run ${p.file} as a plugin? It can do what this server's user can do. Checksum ${p.sha256}`}>Enable<//>`)}</td></tr>`)}</tbody></table></div>`;
}

/** @param {any} pb */
async function processes(pb) {
  const all = await Promise.all(['sources', 'trackers'].map(async collection => {
    const records = await pb.collection(collection).getFullList({ sort: 'name', fields: 'id,name,plugin,enabled' });
    return Promise.all(records.map(async (/** @type {any} */ r) => {
      if (!r.enabled) return { ...r, collection, state: 'disabled' };
      return { ...r, collection, ...await pb.send(`/api/${collection}/${r.id}/status`, {}) };
    }));
  }));
  return all.flat();
}

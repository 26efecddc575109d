// @ts-check
import { html } from '../vendor/runtime.js';
import { Act, bytes, Problem, useReading, when } from './parts.js';

/** What an operator does by hand. @param {{pb: any}} props */
export default function Maintenance({ pb }) {
  const { data, problem, again } = useReading(() => pb.send('/api/ops/overview', {}), 2000);
  const backups = useReading(() => pb.backups.getFullList(), 10_000);
  const post = (/** @type {string} */ path, /** @type {any} */ body = {}) => async () => { await pb.send(path, { method: 'POST', body }); await again(); };
  const backup = async () => { await pb.backups.create(''); await backups.again(); };
  const download = async (/** @type {string} */ key) => { location.href = pb.backups.getDownloadURL(await pb.files.getToken(), key); };
  if (!data) return problem ? html`<${Problem} of=${problem} />` : html`<p class="quiet" aria-busy="true">Loading …</p>`;
  const { read_only: readOnly, rebuild } = data.overview;
  return html`${problem && html`<${Problem} of=${problem} />`}
    <section><h2>Backups</h2>
      <p class="quiet">A backup is a snapshot of every database; messages go on being taken in. Keep the encryption key apart from it: without the key its secrets cannot be read.
        A schedule is set in the console under Settings, Backups.</p>
      <p><${Act} look="main" run=${backup}>Back up now<//></p>
      ${backups.problem && html`<${Problem} of=${backups.problem} />`}
      ${backups.data?.length ? html`<div class="wide" tabindex="0"><table><thead><tr><th>Backup</th><th class="num">Size</th><th>Made</th><th></th></tr></thead>
        <tbody>${[...backups.data].sort((a, b) => String(b.modified).localeCompare(String(a.modified))).map((/** @type {any} */ b) => html`<tr key=${b.key}><td>${b.key}</td><td class="num">${bytes(b.size)}</td><td>${when(b.modified)}</td>
          <td class="acts"><${Act} run=${() => download(b.key)}>Download<//></td></tr>`)}</tbody></table></div>` : html`<p class="quiet">There is no backup yet.</p>`}
      <details><summary>How to restore</summary><ol>
        <li>Restore from the console: Settings, Backups, the arrow beside a backup. The server restarts on it.</li>
        <li>On a new machine: put the key back first (<code>iterateswarm.key</code> or <code>ITERATESWARM_KEY</code>), start the server once, upload the archive there, restore it.</li>
        <li>After a restore every issue that is not surely filed is looked up in its tracker before anything is sent. Nothing is filed twice.</li></ol></details></section>
    <section><h2>Read-only mode</h2>
      <p class="quiet">Nothing is taken in, judged, filed or changed by people; sources are told to send again. Reading goes on. It outlives a restart.</p>
      <p class="acts">${readOnly ? html`<${Act} look="main" run=${post('/api/ops/read-only', { on: false })}>Let work go on<//><b class="so-so">The server is read-only.</b>`
    : html`<${Act} run=${post('/api/ops/read-only', { on: true })} sure="Make the server read-only? Messages are refused until you let work go on.">Make read-only<//>`}</p></section>
    <section><h2>Index</h2>
      <p class="quiet">${data.overview.indexed} documents are indexed. Rebuilding reads every message again, removes what no message stands behind and replaces the rest one by one; searching goes on.</p>
      <p class="acts"><${Act} run=${post('/api/ops/reindex')}>Rebuild the index<//>
        ${rebuild.running ? html`<label>${rebuild.done} of ${rebuild.total} <progress value=${rebuild.done} max=${rebuild.total || 1}></progress></label>`
    : rebuild.ended && html`<span class=${rebuild.problem ? 'bad' : 'quiet'}>${rebuild.problem || html`${rebuild.done} messages, ended ${when(rebuild.ended)}`}</span>`}</p></section>
    <section><h2>Plugins</h2><p><${Act} run=${post('/api/plugins/reload')}>Look for new and changed programs<//></p></section>`;
}

// @ts-check
import { html } from '../vendor/runtime.js';
import { Act, Problem, round, useReading, when } from './parts.js';

const states = ['available', 'running', 'retryable', 'scheduled', 'pending', 'completed', 'cancelled', 'discarded'];

/** Jobs by kind and state, those that failed, and the door to River's own pages. @param {{pb: any}} props */
export default function Queue({ pb }) {
  const { data, problem, again } = useReading(() => pb.send('/api/ops/queue', {}), 3000);
  if (!data) return problem ? html`<${Problem} of=${problem} />` : html`<p class="quiet" aria-busy="true">Loading …</p>`;
  /** @type {Map<string, any>} */
  const rows = new Map();
  for (const t of data.tallies) {
    const key = `${t.kind} ${t.queue}`;
    const row = rows.get(key) ?? { kind: t.kind, queue: t.queue, oldest: '' };
    row[t.state] = t.count;
    if (t.state === 'available') row.oldest = t.oldest;
    rows.set(key, row);
  }
  const post = (/** @type {string} */ path) => async () => { await pb.send(path, { method: 'POST' }); await again(); };
  const river = async () => {
    const { path } = await pb.send('/api/ops/queue-session', { method: 'POST' });
    window.open(path, '_blank', 'noopener');
  };
  return html`${problem && html`<${Problem} of=${problem} />`}
    <p class="acts"><${Act} look="main" run=${river}>Open River UI<//>
      ${data.paused?.length ? html`<${Act} run=${post('/api/ops/queue/resume')}>Let all queues go on<//><span class="so-so">${data.paused.length} held back</span>`
    : html`<${Act} run=${post('/api/ops/queue/pause')} sure="Hold every queue back? Messages are still taken in; nothing is judged further or filed.">Hold all queues back<//>`}</p>
    <h2>Jobs</h2>
    ${rows.size === 0 ? html`<p class="quiet">There is no job. Finished ones are kept for an hour.</p>` : html`<div class="wide" tabindex="0"><table><thead><tr><th>Kind</th><th>Queue</th>${states.map(s => html`<th class="num">${s}</th>`)}<th>Oldest due</th></tr></thead>
      <tbody>${[...rows.values()].map(r => html`<tr key=${r.kind + r.queue}><td>${r.kind}</td><td class="quiet">${r.queue}</td>
        ${states.map(s => html`<td class="num">${r[s] ? round(r[s]) : ''}</td>`)}<td>${r.oldest ? when(r.oldest) : ''}</td></tr>`)}</tbody></table></div>`}
    <h2>Failed</h2>
    ${data.failures.length === 0 ? html`<p class="quiet">No job has failed and waits.</p>` : html`<div class="wide" tabindex="0"><table><thead><tr><th>Job</th><th>Kind</th><th>State</th><th class="num">Attempts</th><th>Last error</th><th>When</th><th></th></tr></thead>
      <tbody>${data.failures.map((/** @type {any} */ f) => html`<tr key=${f.id}><td class="num">${f.id}</td><td>${f.kind}</td><td>${f.state}</td><td class="num">${f.attempt}</td><td class="long">${f.error}</td><td>${when(f.at)}</td>
        <td class="acts"><${Act} run=${post(`/api/ops/jobs/${f.id}/retry`)}>Retry<//>${f.state === 'retryable' && html`<${Act} run=${post(`/api/ops/jobs/${f.id}/cancel`)}>Cancel<//>`}</td></tr>`)}</tbody></table></div>`}
    <p class="quiet">Jobs hold ids and no text. The rows are what counts: a job that is lost is made again.</p>`;
}

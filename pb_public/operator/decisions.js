// @ts-check
import { html, useState } from '../vendor/runtime.js';
import { Act, Problem, useReading, when } from './parts.js';

const page = 50;

/** The ledger: who or what decided, and why. @param {{pb: any}} props */
export default function Decisions({ pb }) {
  const [want, setWant] = useState({ actor_kind: '', action: '', subject_id: '' });
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [more, setMore] = useState(true);
  const read = async (/** @type {any} */ filters, /** @type {any[]} */ before) => {
    try {
      const parts = Object.entries(filters).filter(([, v]) => v).map(([k]) => `${k} = {:${k}}`);
      const last = before.at(-1);
      if (last) parts.push('(created < {:c} || (created = {:c} && id < {:i}))');
      const filter = parts.length ? pb.filter(parts.join(' && '), { ...filters, c: last?.created, i: last?.id }) : '';
      const { items } = await pb.collection('decisions').getList(1, page, { filter, sort: '-created,-id', skipTotal: true, requestKey: null });
      setRows([...before, ...items]);
      setMore(items.length === page);
      setProblem(null);
    } catch (err) {
      setProblem(err);
    }
  };
  useReading(() => read(want, []), 0);
  const change = (/** @type {string} */ name) => (/** @type {any} */ e) => {
    const next = { ...want, [name]: e.target.value.trim() };
    setWant(next);
    read(next, []);
  };
  const save = async () => {
    const answer = await fetch('/api/ops/decisions.jsonl', { headers: { Authorization: pb.authStore.token } });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    const a = Object.assign(document.createElement('a'), { href: URL.createObjectURL(await answer.blob()), download: 'decisions.jsonl' });
    a.click();
    URL.revokeObjectURL(a.href);
  };
  return html`${problem && html`<${Problem} of=${problem} />`}
    <p class="acts"><label>Who <select value=${want.actor_kind} onChange=${change('actor_kind')}><option value="">anybody</option>${['person', 'engine', 'rule', 'system'].map(k => html`<option value=${k}>${k}</option>`)}</select></label>
      <label>Action <input value=${want.action} onChange=${change('action')} placeholder="approve" /></label>
      <label>Of <input value=${want.subject_id} onChange=${change('subject_id')} placeholder="id of a message or an issue" /></label>
      <${Act} run=${save}>Export all as JSON lines<//></p>
    ${rows === null ? html`<p class="quiet" aria-busy="true">Loading …</p>` : rows.length === 0 ? html`<p class="quiet">Nothing was decided that fits.</p>` : html`<div class="wide" tabindex="0"><table><thead><tr><th>When</th><th>Who</th><th>Action</th><th>Of</th><th>Reason</th><th>Changed</th></tr></thead>
      <tbody>${rows.map(r => html`<tr key=${r.id}><td>${when(r.created)}</td><td>${r.actor_kind} <span class="quiet">${r.actor}</span></td><td>${r.action}</td>
        <td><a href=${r.subject === 'issues' ? `/issues/${r.subject_id}` : `/items/${r.subject_id}`}>${r.subject_id}</a></td><td class="long">${r.reason}</td>
        <td class="long"><details><summary>${r.undo_of ? 'undo' : 'before and after'}</summary><pre>${JSON.stringify({ before: r.before, after: r.after, engine: r.engine, prompt: r.prompt_version, hash: r.hash }, null, 1)}</pre></details></td></tr>`)}</tbody></table></div>
      ${more && html`<p><${Act} run=${() => read(want, rows)}>More<//></p>`}`}`;
}

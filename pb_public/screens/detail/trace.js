// @ts-check
// How it was judged: one line for each step, with its time, tokens and cost.
import { html, useEffect, useRef, useState } from '../../vendor/runtime.js';
import { hint, useActions } from '../../actions.js';
import { call, list } from '../../api.js';
import { number, percent, t } from '../../i18n.js';
import { may } from '../../store.js';
import { Button, Chip, Dialog, Icon, Loading, sayProblem, Table, Time } from '../../ui/index.js';

/** @param {{id: string, issue?: string}} props */
export function Trace({ id, issue }) {
  const [steps, setSteps] = useState(/** @type {any[] | null} */ (null));
  const [open, setOpen] = useState(false);
  const [tried, setTried] = useState('');
  const ref = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    if (!open) return;
    list('steps', { filter: issue ? 'subject_id = {:id} || subject_id = {:issue}' : 'subject_id = {:id}', params: { id, issue }, sort: 'created', limit: 100 }).then(setSteps, () => setSteps([]));
  }, [open, id]);
  useActions(() => ({ trace: () => setOpen(!open) }), [open]);
  return html`<details ref=${ref} class="part fold trace" open=${open} onToggle=${(/** @type {any} */ e) => setOpen(e.currentTarget.open)}>
    <summary>${t('trace.title')} <kbd aria-hidden="true">${hint('trace')}</kbd></summary>
    ${open && (steps === null ? html`<${Loading} rows=${3} />` : steps.length === 0 ? html`<p class="muted">${t('trace.none')}</p>` : html`<${Table} caption=${t('trace.title')} rows=${steps} keyOf=${(/** @type {any} */ s) => s.id} columns=${[
      { id: 'name', label: t('trace.step'), cell: (/** @type {any} */ s) => html`<span class="row">${s.error ? html`<span class="warm"><${Icon} name="warn" size=${14} /></span>` : html`<${Icon} name="check" size=${14} />`}${s.name}</span>${s.error && html`<small class="problem">${s.error}</small>`}` },
      { id: 'engine', label: t('trace.engine'), cell: (/** @type {any} */ s) => s.engine },
      { id: 'ms', label: t('trace.ms'), end: true, cell: (/** @type {any} */ s) => number(Math.round(s.ms * 10) / 10) },
      { id: 'tokens', label: t('trace.tokens'), end: true, cell: (/** @type {any} */ s) => s.tokens ? number(s.tokens) : '' },
      { id: 'cost', label: t('trace.cost'), end: true, cell: (/** @type {any} */ s) => s.cost ? s.cost.toFixed(4) : '' },
      { id: 'attempt', label: t('trace.attempt'), end: true, cell: (/** @type {any} */ s) => s.attempt > 1 ? number(s.attempt) : '' },
      { id: 'at', label: t('col.when'), cell: (/** @type {any} */ s) => html`<${Time} at=${s.created} />` }]} />`)}
    ${open && may('triager') && html`<p class="row"><span class="muted">${t('trace.again')}</span>${['offline', 'llm'].map(e => html`<${Button} key=${e} small onClick=${() => setTried(e)}>${t(`retriage.${e}`)}<//>`)}</p>`}
    ${tried && html`<${Try} id=${id} engine=${tried} onClose=${() => setTried('')} />`}
  </details>`;
}

/** What an engine would say now, beside what was said; nothing is changed. @param {{id: string, engine: string, onClose: () => void}} props */
function Try({ id, engine, onClose }) {
  const [said, setSaid] = useState(/** @type {any} */ (null));
  const [was, setWas] = useState(/** @type {any} */ (null));
  useEffect(() => {
    list('feedback', { filter: 'id = {:id}', params: { id }, fields: 'verdict' }).then(r => setWas(r[0]?.verdict), () => {});
    call(`/api/feedback/${id}/judge`, { method: 'POST', body: { engine } }).then(setSaid, err => { onClose(); sayProblem(err); });
  }, [id, engine]);
  const rows = ['class', 'severity', 'confidence', 'title', 'reasoning', 'steps', 'expected', 'observed', 'criteria', 'labels'];
  const show = (/** @type {any} */ v) => Array.isArray(v) ? v.join('\n') : typeof v === 'number' ? percent(v) : v ?? '';
  return html`<${Dialog} title=${t('trace.again')} wide onClose=${onClose}>${!said || !was ? html`<${Loading} rows=${4} />` : html`<${Table} caption=${t('trace.again')} rows=${rows} keyOf=${(/** @type {string} */ r) => r} columns=${[
    { id: 'field', label: t('trace.field'), cell: (/** @type {string} */ r) => html`${t(`field.${r}`)}${show(was[r]) !== show(said.verdict[r]) ? html` <${Chip} look="accent">${t('trace.differs')}<//>` : ''}` },
    { id: 'was', label: t('trace.now'), cell: (/** @type {string} */ r) => html`<span class="lines">${show(was[r])}</span>` },
    { id: 'said', label: t(`retriage.${engine}`), cell: (/** @type {string} */ r) => html`<span class="lines">${show(said.verdict[r])}</span>` }]} />`}<//>`;
}

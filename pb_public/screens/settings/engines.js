// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { maybe } from '../../api.js';
import { number, percent, t } from '../../i18n.js';
import { project, projectId } from '../../store.js';
import { Button, Chip, EmptyState, Field, Loading, Time } from '../../ui/index.js';
import { saveSettings } from './save.js';

/** What judges: the embedded engine, and the model when there is one, with its budget. */
export default function Engines() {
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  useEffect(() => {
    const read = () => maybe('/api/engines').then(setFound, () => setFound(null));
    read();
    const timer = setInterval(() => { if (!document.hidden) read(); }, 10_000);
    return () => clearInterval(timer);
  }, []);
  if (found === undefined) return html`<${Loading} />`;
  if (found === null) return html`<${EmptyState} icon="bolt" title=${t('engines.none')} text=${t('plugins.notyet')} />`;
  const offline = found.offline ?? found.embedded ?? found.engines?.find((/** @type {any} */ e) => e.kind === 'offline');
  const model = found.model;
  const mine = (found.projects ?? []).find((/** @type {any} */ p) => p.project === projectId.value || p.id === projectId.value);
  return html`<div class="stack"><div class="cards wide-cards">
      <section class="card stack"><h2 class="row spread"><span>${t('engine.state.offline')}</span><${Chip} look="good">${t('plugin.state.running')}<//></h2><p class="muted">${t('engines.offline.text')}</p>
        ${offline && html`<dl class="facts">${facts(offline)}</dl>`}</section>
      <section class="card stack"><h2 class="row spread"><span>${model?.model ?? t('engine.state.model')}</span>${model && html`<${Chip} look=${model.state === 'ready' ? 'good' : 'warn'}>${t(`engines.state.${model.state}`)}<//>`}</h2>
        ${model ? html`${model.last_error && html`<p class="problem">${typeof model.last_error === 'string' ? model.last_error : model.last_error.message}</p>`}<dl class="facts">${facts(model)}</dl>` : html`<p class="muted">${t('engines.nomodel')}</p>`}</section></div>
    <${Budget} mine=${mine} /></div>`;
}

const hidden = new Set(['model', 'state', 'last_error', 'kind', 'class', 'project', 'name']);
/** The facts that the server tells, under its own names where we have no word for them. @param {any} o */
const facts = o => Object.entries(o).filter(([k, v]) => !hidden.has(k) && v !== null && v !== '' && v !== 0 && typeof v !== 'object').map(([k, v]) => html`<div key=${k}><dt>${word(k)}</dt><dd>${show(k, v)}</dd></div>`);
const word = (/** @type {string} */ k) => { const w = t(`engines.${k}`); return w === `engines.${k}` ? k.replace(/_/g, ' ') : w; };
const show = (/** @type {string} */ k, /** @type {any} */ v) => /(_at|_since|next_try)$/.test(k) ? html`<${Time} at=${v} />` : typeof v === 'number' ? (/cost/.test(k) ? v.toFixed(4) : number(v)) : String(v);

/** What this project may use of the model a day. @param {{mine: any}} props */
function Budget({ mine }) {
  const b = project.value?.settings?.llm ?? {};
  const [busy, setBusy] = useState(false);
  const save = async (/** @type {any} */ e) => {
    e.preventDefault();
    const f = new FormData(e.target);
    setBusy(true);
    await saveSettings({ llm: { ...b, daily_tokens: Number(f.get('tokens')) || 0, daily_cost: Number(f.get('cost')) || 0, source_share: (Number(f.get('share')) || 0) / 100 } });
    setBusy(false);
  };
  const used = mine?.today ?? mine;
  return html`<form class="card stack narrow" onSubmit=${save}><h2>${t('engines.budget')}</h2><p class="note">${t('engines.budget.note')}</p>
    ${used && html`<p>${t('engines.used', { tokens: number(used.tokens ?? 0), cost: Number(used.cost ?? 0).toFixed(4) })}</p>`}
    <${Field} type="number" min="0" step="1" name="tokens" label=${t('engines.tokens')} value=${b.daily_tokens || ''} /><${Field} type="number" min="0" step="any" name="cost" label=${t('engines.cost')} value=${b.daily_cost || ''} />
    <${Field} type="number" min="0" max="100" step="1" name="share" label=${t('engines.share')} note=${t('engines.share.note', { share: percent(0.5) })} value=${b.source_share ? Math.round(b.source_share * 100) : ''} />
    <div class="row"><${Button} type="submit" look="main" disabled=${busy}>${t('save')}<//></div></form>`;
}

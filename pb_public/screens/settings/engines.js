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
  const offline = found.engines.find((/** @type {any} */ e) => e.name === 'offline');
  const llm = found.engines.find((/** @type {any} */ e) => e.name === 'llm');
  const m = llm?.model;
  const mine = found.projects.find((/** @type {any} */ p) => p.project === projectId.value);
  return html`<div class="stack"><div class="cards wide-cards">
      <section class="card stack"><h2 class="row spread"><span>${t('engine.state.offline')}</span><${Chip} look="good">${t('engines.state.ready')}<//></h2><p class="muted">${t('engines.offline.text')}</p>
        <${Facts} list=${[['engines.version', html`<code>${offline?.version.slice(0, 12)}</code>`], ['engines.speed', speed(offline?.speed)]]} /></section>
      <section class="card stack"><h2 class="row spread"><span>${m?.model ?? t('engine.state.model')}</span>${llm && html`<${Chip} look=${llm.state === 'ready' ? 'good' : 'warn'}>${t(`engines.state.${llm.state}`)}<//>`}</h2>
        ${!m ? html`<p class="muted">${t('engines.nomodel')}</p>` : html`${m.problem && html`<p class="problem">${m.problem}</p>`}
          <${Facts} list=${[['engines.kind', `${m.kind}${m.mode ? `, ${m.mode}` : ''}`], ['engines.prompt', m.prompt], ['engines.calls', t('engines.calls.text', { n: m.calls, failed: m.failed })], ['engines.speed', speed(llm.speed)],
            ['engines.today', html`${number(m.tokens_today)}${m.tokens_limit ? ` / ${number(m.tokens_limit)}` : ''} ${t('engines.tokens.word')}${m.priced ? html`, ${m.cost_today.toFixed(4)}${m.cost_limit ? ` / ${m.cost_limit}` : ''}` : ''}`],
            ['engines.next', m.next_try && html`<${Time} at=${m.next_try} />`], ['engines.since', m.breaker_since && html`${m.breaker} <${Time} at=${m.breaker_since} />`], ['engines.lasterror', m.last_error && html`${m.last_error} ${m.last_failed && html`<${Time} at=${m.last_failed} />`}`],
            ['engines.waits', llm.degraded ? t('engine.state.degraded', { n: llm.degraded }) : ''],
            ['engines.rule', llm.opinions ? t(llm.opinions.trusted ? 'engines.trusted' : 'engines.proving', { n: llm.opinions.n, needed: llm.opinions.needed, model: llm.opinions.model_right, embedded: llm.opinions.embedded_right }) : '']]} />`}</section></div>
    <${Budget} mine=${mine} /></div>`;
}

/** @param {any} s */
const speed = s => s?.n ? t('engines.speed.text', { p50: number(Math.round(s.p50_ms * 10) / 10), p95: number(Math.round(s.p95_ms * 10) / 10), n: s.n }) : t('not-measured');

/** @param {{list: [string, any][]}} props */
const Facts = ({ list }) => html`<dl class="fact-list">${list.filter(([, v]) => v).map(([name, v]) => html`<div key=${name}><dt>${t(name)}</dt><dd>${v}</dd></div>`)}</dl>`;

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
  const used = mine;
  return html`<form class="card stack narrow" onSubmit=${save}><h2>${t('engines.budget')}</h2><p class="note">${t('engines.budget.note')}</p>
    ${used && html`<p>${t('engines.used', { tokens: number(used.tokens ?? 0), cost: Number(used.cost ?? 0).toFixed(4) })}</p>`}
    <${Field} type="number" min="0" step="1" name="tokens" label=${t('engines.tokens')} value=${b.daily_tokens || ''} /><${Field} type="number" min="0" step="any" name="cost" label=${t('engines.cost')} value=${b.daily_cost || ''} />
    <${Field} type="number" min="0" max="100" step="1" name="share" label=${t('engines.share')} note=${t('engines.share.note', { share: percent(0.5) })} value=${b.source_share ? Math.round(b.source_share * 100) : ''} />
    <div class="row"><${Button} type="submit" look="main" disabled=${busy}>${t('save')}<//></div></form>`;
}

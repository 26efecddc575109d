// @ts-check
import { html } from '../../vendor/runtime.js';
import { call } from '../../api.js';
import { number, t } from '../../i18n.js';
import { may } from '../../store.js';
import { Button, Chip, Menu, say, sayProblem, Severity, SourceIcon, Time } from '../../ui/index.js';

const hour = 3_600_000;
const mutes = /** @type {[string, number][]} */ ([['hour', hour], ['day', 24 * hour], ['week', 7 * 24 * hour]]);

/**
 * What rises now: one card for each cluster or source, brought up to date while
 * it lasts.
 * @param {{alerts: any[], rule: string}} props
 */
export function Alerts({ alerts, rule }) {
  const act = async (/** @type {any} */ a, /** @type {string} */ action, /** @type {any} */ body = {}) => {
    try {
      await call(`/api/alerts/${a.id}/${action}`, { method: 'POST', body });
      say(t(`alert.did.${action}`));
    } catch (err) {
      sayProblem(err);
    }
  };
  const approve = async (/** @type {any} */ issue) => {
    try {
      await call(`/api/issues/${issue.id}/approve`, { method: 'POST', body: { version: issue.version } });
      say(t('did.approve', { n: issue.number }));
    } catch (err) {
      sayProblem(err);
    }
  };
  return html`<section class="stack" aria-label=${t('alerts.title')}><div class="row"><h2>${t('alerts.title')}</h2><details class="rule"><summary>${t('alerts.rule')}</summary><p class="note">${rule}</p></details></div>
    ${alerts.length === 0 ? html`<p class="muted">${t('alerts.none')}</p>` : html`<div class="cards">${alerts.map(a => {
      const issue = a.expand?.issue;
      return html`<article key=${a.id} class=${`card alert ${a.state}`}>
        <p class="row">${issue ? html`<${Severity} value=${issue.severity} />` : html`<${SourceIcon} source=${a.key} word />`}<${Chip} look=${a.state === 'open' ? 'bad' : ''} icon=${a.state === 'open' ? 'bolt' : ''}>${t(`alert.${a.state}`)}<//></p>
        <h3>${issue ? html`<a href=${`/issues/${issue.id}`}>${issue.title}</a>` : t('alert.source', { source: a.key })}</h3>
        <p>${t('alert.count', { n: a.count, expected: a.expected < 10 ? a.expected.toFixed(1) : number(Math.round(a.expected)) })}</p>
        <p class="muted">${t('alert.reporters', { n: a.reporters })} · ${t('alert.since')} <${Time} at=${a.since} /></p>
        ${a.factor && html`<p class="muted">${t('alert.factor', { factor: a.factor })}</p>`}
        ${a.state === 'muted' && html`<p class="muted">${t('alert.until')} <${Time} at=${a.muted_until} /></p>`}
        <div class="row">
          ${may('approver') && issue?.state === 'draft' && html`<${Button} small look="main" onClick=${() => approve(issue)}>${t('alert.create')}<//>`}
          ${may('triager') && a.state === 'open' && html`<${Button} small icon="check" onClick=${() => act(a, 'acknowledge')}>${t('alert.acknowledge')}<//>`}
          ${may('triager') && a.state !== 'muted' && html`<${Menu} small label=${t('alert.mute')} items=${mutes.map(([name, ms]) => ({ id: name, label: t(`alert.mute.${name}`), run: () => act(a, 'mute', { until: new Date(Date.now() + ms).toISOString() }) }))} />`}
          ${may('triager') && a.state !== 'open' && html`<${Button} small onClick=${() => act(a, 'open')}>${t('alert.reopen')}<//>`}
        </div></article>`;
    })}</div>`}</section>`;
}

// @ts-check
import { html } from '../../vendor/runtime.js';
import { t } from '../../i18n.js';
import { may } from '../../store.js';
import { Chip, Class, Confidence, EngineBadge, Icon, Severity, SourceIcon, Sparkline, Time } from '../../ui/index.js';
import { facts, tab, toggle } from './state.js';
import { isMessage, tabFor } from './tabs.js';

/**
 * One item of the list, two lines.
 * @param {{item: any, top: number, height: number, active: boolean, checked: boolean, at: number, of: number, onOpen: (id: string) => void}} props
 */
export function Row({ item, top, height, active, checked, at, of, onOpen }) {
  const message = isMessage(item);
  const left = tab.value.of !== 'decisions' && tabFor(item) !== tab.value;
  const check = (/** @type {MouseEvent} */ e) => { e.stopPropagation(); toggle(item.id); };
  return html`<div role="option" id=${`item-${item.id}`} class=${`item ${active ? 'active' : ''} ${checked ? 'checked' : ''} ${left ? 'left' : ''}`} style=${{ top: `${top}px`, height: `${height}px` }}
    aria-selected=${checked} aria-current=${active ? 'true' : undefined} aria-posinset=${at + 1} aria-setsize=${of} onClick=${(/** @type {MouseEvent} */ e) => e.shiftKey && may('triager') ? check(e) : onOpen(item.id)}>
    ${may('triager') && html`<span class="tickbox" aria-hidden="true" onClick=${check}>${checked && html`<${Icon} name="check" size=${12} />`}</span>`}
    <div class="item-line"><${Severity} value=${item.severity} /><${Class} value=${item.class} /><span class="item-title">${item.title || item.subject || t('item.untitled')}</span>
      ${left && html`<${Chip}>${t(item.merged_into ? 'state.merged' : `state.${item.state}`)}<//>`}${message ? html`<${SourceIcon} source=${item.source} />` : html`<${Sources} id=${item.id} />`}</div>
    ${message ? html`<${MessageLine} item=${item} />` : html`<${IssueLine} item=${item} />`}
  </div>`;
}

/** Where an issue's reports came from. @param {{id: string}} props */
function Sources({ id }) {
  const all = Object.keys(facts.value[id]?.sources ?? {});
  return html`<span class="sources">${all.slice(0, 3).map(s => html`<${SourceIcon} key=${s} source=${s} />`)}</span>`;
}

/** @param {{item: any}} props */
function IssueLine({ item }) {
  const f = facts.value[item.id];
  const today = f ? f.hours.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0) : 0;
  return html`<div class="item-line quiet"><span>${t('row.reporters', { n: item.reporter_count })}</span>
    ${today > 0 && html`<${Sparkline} values=${f.hours} label=${t('row.today', { n: today })} width=${60} height=${12} />`}
    ${item.regression_of && html`<span class="warm">${t('row.regression')}</span>`}${item.decision && html`<span>${t(`auto.${item.decision.action}`)}</span>`}
    ${f?.similar > 0 && item.state === 'draft' && html`<span>${t('row.similar', { n: f.similar })}</span>`}
    ${item.state === 'snoozed' && item.snoozed_until ? html`<span>${t('row.until')} <${Time} at=${item.snoozed_until} /></span>` : ''}
    <span class="grow"></span>${f && html`<${Confidence} value=${f.confidence} /><${EngineBadge} engine=${f.engine} degraded=${f.degraded} />`}<${Time} at=${item.decision?.created ?? item.last_seen} /></div>`;
}

/** @param {{item: any}} props */
function MessageLine({ item }) {
  return html`<div class="item-line quiet">${item.held_reason && html`<span>${t(`held.short.${item.held_reason}`)}</span>`}${item.decision && html`<span>${t(`auto.${item.decision.action}`)}</span>`}
    <span class="grow"></span><${Confidence} value=${item.confidence} /><${EngineBadge} engine=${item.engine} degraded=${item.degraded} /><${Time} at=${item.created} /></div>`;
}

// @ts-check
import { html } from '../../vendor/runtime.js';
import { t } from '../../i18n.js';
import { Class, Confidence, EngineBadge, Severity, SourceIcon, Time } from '../../ui/index.js';

/**
 * One item of the list, two lines.
 * @param {{item: any, active: boolean, onOpen: (id: string) => void}} props
 */
export function Row({ item, active, onOpen }) {
  const issue = item.collectionName === 'issues';
  return html`<div role="option" id=${`item-${item.id}`} class=${`item ${active ? 'active' : ''}`} aria-selected=${active} onClick=${() => onOpen(item.id)}>
    <div class="item-line"><${Severity} value=${item.severity} /><${Class} value=${item.class} /><span class="item-title">${item.title || item.subject}</span></div>
    <div class="item-line quiet">${issue ? html`<span>${t('row.reporters', { n: item.reporter_count })}</span><span>#${item.number}</span><span class="grow"></span><${Time} at=${item.last_seen} />`
    : html`<${SourceIcon} source=${item.source} word /><${Confidence} value=${item.confidence} /><${EngineBadge} engine=${item.engine} degraded=${item.degraded} /><span class="grow"></span><${Time} at=${item.created} />`}</div>
  </div>`;
}

// @ts-check
import { html } from '../vendor/runtime.js';
import { has, percent, t } from '../i18n.js';
import { Icon } from './icons.js';

/** @param {{children: any, look?: '' | 'good' | 'warn' | 'bad' | 'accent', icon?: string, title?: string}} props */
export function Chip({ children, look = '', icon, title }) {
  return html`<span class=${`chip ${look}`} title=${title}>${icon && html`<${Icon} name=${icon} size=${12} />`}${children}</span>`;
}

/**
 * A severity as a shape and a word; the colour only repeats it.
 * @param {{value: string, word?: boolean}} props
 */
export function Severity({ value, word = true }) {
  const name = has(`severity.${value}`) ? t(`severity.${value}`) : value;
  return html`<span class=${`sev ${value}`}><svg class="shape" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">${shapes[value] ?? shapes.low}</svg>${
    word ? html`<span>${name}</span>` : html`<span class="only-heard">${name}</span>`}</span>`;
}

/** @type {Record<string, any>} */
const shapes = {
  critical: html`<path d="M5 0 10 5 5 10 0 5z" fill="currentColor" />`,
  high: html`<path d="M5 .5 10 9.500H0z" fill="currentColor" />`,
  medium: html`<circle cx="5" cy="5" r="4.500" fill="currentColor" />`,
  low: html`<circle cx="5" cy="5" r="3.700" fill="none" stroke="currentColor" stroke-width="1.600" />`,
};

/** @param {{value: string}} props bug, feature, question, noise */
export function Class({ value }) {
  return html`<span class="class">${has(`class.${value}`) ? t(`class.${value}`) : value}</span>`;
}

/** @param {{value: number}} props 0 to 1 */
export function Confidence({ value }) {
  return html`<span class=${`confidence ${value < 0.6 ? 'low' : ''}`} title=${t('confidence.title', { percent: percent(value) })}>${percent(value)}</span>`;
}

/**
 * Which engine judged: the offline one or a model.
 * @param {{engine: string, degraded?: boolean}} props
 */
export function EngineBadge({ engine, degraded }) {
  const model = engine !== '' && engine !== 'offline';
  return html`<span class=${`engine ${model ? 'model' : ''} ${degraded ? 'degraded' : ''}`} title=${t(degraded ? 'engine.degraded' : model ? 'engine.model' : 'engine.offline', { engine })}>${model ? t('engine.short.model') : t('engine.short.offline')}</span>`;
}

/** @type {Record<string, string>} */
const sourceIcons = { discord: 'discord', slack: 'slack', email: 'email', imap: 'email', mail: 'email', github: 'github', gitlab: 'github',
  webhook: 'webhook', api: 'webhook', form: 'form', widget: 'form', rss: 'feed', feed: 'feed' };

/** @param {{source: string, word?: boolean}} props */
export function SourceIcon({ source, word }) {
  const kind = source.split(/[-_]/).find(part => sourceIcons[part]) ?? '';
  return html`<span class="source" title=${source}><${Icon} name=${sourceIcons[kind] ?? 'chat'} size=${14} /><span class=${word ? '' : 'only-heard'}>${source}</span></span>`;
}

/** @param {{name: string, size?: number}} props two letters of a name on a colour that the name chooses */
export function Avatar({ name, size = 22 }) {
  const letters = (name.match(/[\p{L}\p{N}]/gu) ?? ['?']).slice(0, 2).join('');
  let sum = 0;
  for (const c of name) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) % 360;
  return html`<span class="avatar" style=${{ '--hue': sum, width: `${size}px`, height: `${size}px` }} data-letters=${letters} aria-hidden="true"></span>`;
}

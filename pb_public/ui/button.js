// @ts-check
import { html } from '../vendor/runtime.js';
import { available, hint, keysOf, label, perform } from '../actions.js';
import { Icon } from './icons.js';

/**
 * @param {{children?: any, icon?: string, look?: '' | 'main' | 'plain' | 'danger', small?: boolean, hint?: string, label?: string, class?: string, [attribute: string]: any}} props
 * label names a button that shows only its icon
 */
export function Button({ children, icon, look = '', small, hint: key, label: name, class: more = '', ...rest }) {
  return html`<button type="button" class=${`button ${look} ${small ? 'small' : ''} ${children ? '' : 'square'} ${more}`}
    aria-label=${name} title=${children ? undefined : name} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}${key && html`<kbd aria-hidden="true">${key}</kbd>`}
  </button>`;
}

/**
 * A button of the action registry, with its key. It is drawn only while the
 * action can be done by this person.
 * @param {{id: string, look?: string, icon?: string, small?: boolean, keep?: boolean, children?: any}} props
 * keep draws it disabled instead of not at all
 */
export function ActionButton({ id, keep, children, ...rest }) {
  const can = available.value.some(a => a.id === id);
  if (!can && !keep) return null;
  return html`<${Button} ...${rest} disabled=${!can} hint=${hint(id)} data-action=${id}
    aria-keyshortcuts=${keysOf(id).filter(k => !k.includes(' ')).join(' ') || undefined}
    onClick=${() => perform(id)}>${children ?? label(id)}<//>`;
}

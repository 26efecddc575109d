// @ts-check
// Dialogs and menus on the browser's own <dialog> and popover: focus goes in,
// Esc closes, focus comes back.
import { html, useEffect, useId, useRef, useState } from '../vendor/runtime.js';
import { t } from '../i18n.js';
import { Button } from './button.js';
import { Icon } from './icons.js';

/**
 * Shown while it is mounted.
 * @param {{title: string, children: any, onClose: () => void, wide?: boolean, plain?: boolean, class?: string}} props
 * plain shows no title line; the title is still the dialog's name
 */
export function Dialog({ title, children, onClose, wide, plain, class: more = '' }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    const dialog = /** @type {HTMLDialogElement} */ (ref.current);
    dialog.showModal();
    /** @type {HTMLElement | null} */ (dialog.querySelector('[autofocus]'))?.focus();
    return () => {
      if (dialog.open) dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return html`<dialog ref=${ref} class=${`dialog ${wide ? 'wide' : ''} ${more}`} aria-labelledby=${id}
    onCancel=${(/** @type {Event} */ e) => { e.preventDefault(); onClose(); }}
    onClick=${(/** @type {MouseEvent} */ e) => { if (e.target === ref.current) onClose(); }}>
    <div class="dialog-body">
      <header class=${plain ? 'only-heard' : ''}><h2 id=${id}>${title}</h2>${!plain && html`<${Button} look="plain" icon="close" label=${t('close')} onClick=${onClose} />`}</header>
      ${children}
    </div>
  </dialog>`;
}

/** @typedef {{id: string, label: any, icon?: string, hint?: string, note?: any, checked?: boolean, disabled?: boolean, run: () => void}} Item */

/**
 * A button that opens a list of choices.
 * @param {{label: any, items: Item[] | (() => Item[]), icon?: string, look?: string, small?: boolean, name?: string, align?: 'start' | 'end', class?: string, caret?: boolean}} props
 */
export function Menu({ label, items, icon, look = 'plain', small, name, align = 'start', class: more = '', caret = true }) {
  const [open, setOpen] = useState(false);
  const button = useRef(/** @type {HTMLElement | null} */ (null));
  const id = useId();
  return html`<span class=${`menu ${more}`}>
    <button type="button" ref=${button} class=${`button ${look} ${small ? 'small' : ''}`} aria-haspopup="menu" aria-expanded=${open} aria-controls=${open ? id : undefined}
      aria-label=${name} title=${name} onClick=${() => setOpen(!open)}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'ArrowDown') { e.preventDefault(); setOpen(true); } }}>
      ${icon && html`<${Icon} name=${icon} />`}${label && html`<span>${label}</span>`}${caret && html`<${Icon} name="down" size=${12} />`}
    </button>
    ${open && html`<${MenuList} id=${id} items=${typeof items === 'function' ? items() : items} anchor=${button} align=${align} name=${name ?? label} onClose=${() => setOpen(false)} />`}
  </span>`;
}

/**
 * The list of a menu, at an element or in the middle of the screen. Letters
 * type ahead; 1–9 choose.
 * @param {{items: Item[], anchor?: {current: HTMLElement | null}, align?: 'start' | 'end', name: string, onClose: () => void, id?: string}} props
 */
export function MenuList({ items, anchor, align = 'start', name, onClose, id }) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (anchor?.current ?? document.activeElement);
    const list = /** @type {HTMLElement} */ (ref.current);
    list.showPopover();
    place(list, anchor?.current ?? null, align);
    (/** @type {HTMLElement | null} */ (list.querySelector('[aria-checked=true]')) ?? buttons()[0])?.focus();
    const closed = (/** @type {any} */ e) => { if (e.newState === 'closed') onClose(); };
    list.addEventListener('toggle', closed);
    return () => {
      list.removeEventListener('toggle', closed);
      const had = list.contains(document.activeElement) || document.activeElement === document.body;
      if (list.isConnected && list.matches(':popover-open')) list.hidePopover();
      if (had && before?.isConnected) before.focus();
    };
  }, []);
  const buttons = () => /** @type {HTMLElement[]} */ ([...(ref.current?.querySelectorAll('button:not(:disabled)') ?? [])]);
  const step = (/** @type {KeyboardEvent} */ e) => {
    const all = buttons();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = e.key === 'ArrowDown' ? at + 1 : e.key === 'ArrowUp' ? at - 1 : e.key === 'Home' ? 0 : e.key === 'End' ? all.length - 1 : null;
    if (to !== null) all[(to + all.length) % all.length]?.focus();
    else if (/^[1-9]$/.test(e.key) && all[Number(e.key) - 1]) all[Number(e.key) - 1].click();
    else if (e.key.length === 1 && /\p{L}/u.test(e.key)) all.find((b, i) => i !== at && b.innerText.trim().toLowerCase().startsWith(e.key.toLowerCase()))?.focus();
    else if (e.key === 'Tab') return onClose();
    else return;
    e.preventDefault();
  };
  return html`<div ref=${ref} id=${id} class="menu-list" role="menu" popover="auto" aria-label=${name} onKeyDown=${step}>
    ${items.map((item, i) => html`<button type="button" key=${item.id} role=${item.checked === undefined ? 'menuitem' : 'menuitemradio'}
      aria-checked=${item.checked} disabled=${item.disabled} data-item=${item.id}
      onClick=${() => { onClose(); item.run(); }}>
      ${item.icon ? html`<${Icon} name=${item.icon} />` : item.checked !== undefined && html`<span class="tick">${item.checked && html`<${Icon} name="check" size=${14} />`}</span>`}
      <span class="menu-label">${item.label}${item.note && html`<small>${item.note}</small>`}</span>
      <kbd aria-hidden="true">${item.hint ?? (i < 9 && !anchor ? i + 1 : '')}</kbd></button>`)}
  </div>`;
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement | null} anchor
 * @param {'start' | 'end'} align
 */
function place(list, anchor, align) {
  if (!anchor) return; // style.css centres it
  const a = anchor.getBoundingClientRect();
  const b = list.getBoundingClientRect();
  const left = align === 'end' ? a.right - b.width : a.left;
  const below = a.bottom + 4 + b.height <= innerHeight || a.top < b.height;
  list.style.inset = 'auto';
  list.style.margin = '0';
  list.style.left = `${Math.max(8, Math.min(left, innerWidth - b.width - 8))}px`;
  list.style.top = `${below ? Math.min(a.bottom + 4, innerHeight - b.height - 8) : a.top - b.height - 4}px`;
}

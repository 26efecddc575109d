// @ts-check
import { html, useEffect, useRef } from '../vendor/runtime.js';
import { compact, number } from '../i18n.js';

/**
 * Tabs that are places: each is a link with a path of its own.
 * @param {{label: string, tabs: {id: string, label: string, href: string, count?: number, title?: string}[], current: string}} props
 */
export function Tabs({ label, tabs, current }) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => { ref.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }); }, [current]);
  return html`<nav ref=${ref} class="tabs" aria-label=${label}>${tabs.map(x => html`
    <a key=${x.id} href=${x.href} data-tab=${x.id} title=${x.title} aria-current=${x.id === current ? 'page' : undefined}>${x.label}${x.count !== undefined && html` <${Count} n=${x.count} />`}</a>`)}</nav>`;
}

/** @param {{n: number}} props */
export function Count({ n }) {
  return html`<span class="count" title=${number(n)}>${compact(n)}</span>`;
}

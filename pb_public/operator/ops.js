// @ts-check
// The operator pages. They know no host: the console of PocketBase shows them
// under #/ops, the web app under /ops.
import { html, render, useEffect, useState } from '../vendor/runtime.js';
import { Problem } from './parts.js';

/**
 * @typedef {{pb: any, part: string, href: (part: string) => string}} Host
 * pb: PocketBase's SDK with a superuser's token; href: the address of a page
 */

const pages = /** @type {const} */ ([
  ['overview', 'Overview', () => import('./overview.js')], ['queue', 'Queue', () => import('./queue.js')],
  ['engines', 'Engines', () => import('./engines.js')], ['plugins', 'Plugins', () => import('./plugins.js')],
  ['decisions', 'Decisions', () => import('./decisions.js')], ['audit', 'Audit', () => import('./audit.js')],
  ['maintenance', 'Maintenance', () => import('./maintenance.js')],
]);

/** @param {Host} props */
export function Operations({ pb, part, href }) {
  const [view, setView] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {Error | null} */ (null));
  const page = pages.find(([name]) => name === part) ?? pages[0];
  useEffect(() => {
    setProblem(null);
    page[2]().then(m => setView({ part, draw: m.default }), setProblem);
  }, [part]);
  return html`<div class="ops">
    <header><h1>Operations</h1>
      <nav aria-label="Operations">${pages.map(([name, title]) => html`<a href=${href(name)} aria-current=${name === page[0] ? 'page' : undefined}>${title}</a>`)}</nav></header>
    ${problem && html`<${Problem} of=${problem} />`}
    ${view?.part === part ? html`<${view.draw} pb=${pb} href=${href} />` : html`<p class="quiet" aria-busy="true">Loading …</p>`}</div>`;
}

/**
 * Shows a page inside an element of any host.
 * @param {HTMLElement} el
 * @param {Host} host
 * @returns {() => void} takes it away again
 */
export function mount(el, host) {
  if (!document.querySelector('link[data-ops]')) {
    const css = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: '/operator/ops.css' });
    css.dataset.ops = '';
    document.head.append(css);
  }
  render(html`<${Operations} ...${host} />`, el);
  return () => render(null, el);
}

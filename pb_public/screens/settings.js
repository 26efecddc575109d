// @ts-check
import { html, useEffect, useState } from '../vendor/runtime.js';
import { t } from '../i18n.js';
import { may } from '../store.js';
import { Loading, Tabs } from '../ui/index.js';
import './parts/load.js';

/** Each part is read when it is opened. @type {{id: string, role: string, load: () => Promise<{default: any}>}[]} */
const parts = [
  { id: 'project', role: 'admin', load: () => import('./settings/project.js') },
  { id: 'automation', role: 'admin', load: () => import('./settings/automation.js') },
  { id: 'engines', role: 'admin', load: () => import('./settings/engines.js') },
  { id: 'learning', role: 'viewer', load: () => import('./settings/learning.js') },
  { id: 'replies', role: 'admin', load: () => import('./settings/replies.js') },
  { id: 'team', role: 'viewer', load: () => import('./settings/team.js') },
  { id: 'keys', role: 'admin', load: () => import('./settings/keys.js') },
  { id: 'data', role: 'admin', load: () => import('./settings/data.js') },
  { id: 'accessibility', role: 'viewer', load: () => import('./settings/accessibility.js') },
];

/** @param {{params: {part?: string}}} props */
export default function Settings({ params }) {
  const mine = parts.filter(p => may(p.role));
  const part = mine.find(p => p.id === params.part) ?? mine[0];
  const [view, setView] = useState(/** @type {{id: string, view: any} | null} */ (null));
  useEffect(() => {
    let gone = false;
    part?.load().then(m => { if (!gone) setView({ id: part.id, view: m.default }); });
    return () => { gone = true; };
  }, [part?.id]);
  useEffect(() => { document.querySelector('.settings .tabs [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' }); }, [part?.id]);
  if (!part) return html`<div class="screen"><header><h1>${t('nav.settings')}</h1></header></div>`;
  return html`<div class="screen settings"><header><h1>${t('nav.settings')}</h1></header>
    <${Tabs} label=${t('nav.settings')} current=${part.id} tabs=${mine.map(p => ({ id: p.id, label: t(`settings.${p.id}`), href: `/settings/${p.id}` }))} />
    ${view?.id === part.id ? html`<${view.view} key=${part.id} />` : html`<${Loading} />`}</div>`;
}

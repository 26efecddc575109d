// @ts-check
// What surrounds every screen: navigation with counts, project, engine, account.
import { html, useEffect, useState } from './vendor/runtime.js';
import { hint, label, useActions } from './actions.js';
import { pb } from './api.js';
import { percent, t } from './i18n.js';
import { connection } from './realtime.js';
import { counts, engine, isSuperuser, project, projects, switchProject, user } from './store.js';
import { prefs, setPrefs } from './prefs.js';
import { go, path } from './router.js';
import { Avatar, Button, Count, Icon, Menu, MenuList } from './ui/index.js';

const places = [
  { name: 'inbox', icon: 'inbox' }, { name: 'issues', icon: 'issues' }, { name: 'insights', icon: 'insights' },
  { name: 'live', icon: 'live' }, { name: 'sources', icon: 'sources' }, { name: 'trackers', icon: 'trackers' },
  { name: 'settings', icon: 'settings' },
];

/** @param {{screen: string, children: any}} props */
export function Shell({ screen, children }) {
  const [panel, setPanel] = useState(/** @type {any} */ (null));
  const [drawer, setDrawer] = useState(false);
  const [choosing, setChoosing] = useState(false);
  const open = async (/** @type {'palette' | 'help'} */ name) => setPanel({ view: (await import(`./${name}.js`)).default });
  useActions(() => ({
    palette: () => { open('palette'); },
    help: () => { open('help'); },
    project: (projects.value?.length ?? 0) > 1 && (() => setChoosing(true)),
  }), [projects.value]);
  useEffect(() => { setDrawer(false); }, [path.value]);
  return html`<div class=${`shell ${drawer ? 'drawn' : ''}`}>
    <a class="skip" href="#main">${t('skip')}</a>
    <header class="topbar">
      <${Button} look="plain" icon="menu" label=${t('nav.open')} aria-expanded=${drawer} onClick=${() => setDrawer(!drawer)} />
      <span class="topbar-name">${project.value?.name}</span>
      <${Button} look="plain" icon="search" label=${label('palette')} onClick=${() => open('palette')} />
    </header>
    <aside class="side">
      <div class="side-top"><${ProjectSwitcher} /></div>
      <nav aria-label=${t('nav.label')}>
        ${places.map(p => html`<a key=${p.name} href=${`/${p.name}`} class="place" aria-current=${p.name === screen || (p.name === 'inbox' && screen === 'items') ? 'page' : undefined} title=${t(`nav.${p.name}`)}>
          <${Icon} name=${p.icon} /><span class="place-name">${t(`nav.${p.name}`)}</span><${PlaceCount} name=${p.name} /></a>`)}
      </nav>
      <div class="side-end">
        <button type="button" class="place" onClick=${() => open('palette')}><${Icon} name="search" /><span class="place-name">${t('nav.commands')}</span><kbd aria-hidden="true">${hint('palette')}</kbd></button>
        <${EngineState} />
        <${Account} onHelp=${() => open('help')} />
      </div>
    </aside>
    ${drawer && html`<div class="scrim" onClick=${() => setDrawer(false)}></div>`}
    <main id="main" tabindex="-1">${children}</main>
    ${panel && html`<${panel.view} onClose=${() => setPanel(null)} onHelp=${() => open('help')} />`}
    ${choosing && html`<${MenuList} name=${label('project')} items=${projectItems()} onClose=${() => setChoosing(false)} />`}
  </div>`;
}

/** @param {{name: string}} props */
function PlaceCount({ name }) {
  const c = counts.value;
  if (name === 'inbox') return c.pending ? html`<${Count} n=${c.pending} />` : null;
  if (name === 'insights') return c.alerts ? html`<${Count} n=${c.alerts} />` : null;
  if (name === 'live') return html`<span class=${`dot ${connection.value}`} title=${t(`connection.${connection.value}`)}><span class="only-heard">${t(`connection.${connection.value}`)}</span></span>`;
  return null;
}

const projectItems = () => (projects.value ?? []).map(p => ({ id: p.id, label: p.name, note: t(`role.${p.role}`), checked: p.id === project.value?.id, run: () => { switchProject(p.id); go('/inbox'); } }));

function ProjectSwitcher() {
  const all = projects.value ?? [];
  const name = html`<span class="project"><span class="logo" aria-hidden="true"></span><span class="place-name">${project.value?.name ?? ''}</span></span>`;
  if (all.length < 2) return name;
  return html`<${Menu} label=${name} name=${t('nav.project', { name: project.value?.name ?? '' })} items=${projectItems} />`;
}

/** What judges now: the model, or the offline engine, and why. */
function EngineState() {
  const e = engine.value;
  if (!e) return null;
  const model = e.model;
  const state = !model ? 'offline' : model.state ?? (model.available === false ? 'down' : 'ok');
  const bad = model && e.degraded > 0;
  return html`<div class="engine-state" title=${t('engine.state.title', { state })}>
    <span class=${`dot ${!model ? 'off' : bad ? 'reconnecting' : 'live'}`}></span>
    <span class="place-name">${!model ? t('engine.state.offline') : model.model ?? t('engine.state.model')}${e.degraded ? html` · ${t('engine.state.degraded', { n: e.degraded })}` : ''}
      ${model?.budget ? html`<small>${percent((model.spent ?? 0) / model.budget)}</small>` : ''}</span></div>`;
}

/** @param {{onHelp: () => void}} props */
function Account({ onHelp }) {
  const who = user.value?.name || user.value?.email || t('account.you');
  const themes = ['system', 'light', 'dark'];
  return html`<${Menu} class="account" label=${html`<${Avatar} name=${who} /><span class="place-name">${who}</span>`} name=${t('account.menu', { who })} items=${() => [
    ...themes.map(theme => ({ id: theme, label: t(`theme.${theme}`), checked: prefs.value.theme === theme, run: () => setPrefs({ theme }) })),
    { id: 'density', label: t(prefs.value.density === 'compact' ? 'density.comfortable' : 'density.compact'), icon: 'menu', run: () => setPrefs({ density: prefs.value.density === 'compact' ? 'comfortable' : 'compact' }) },
    { id: 'help', label: label('help'), icon: 'keyboard', hint: hint('help'), run: onHelp },
    ...(isSuperuser.value ? [{ id: 'ops', label: t('ops.title'), icon: 'insights', run: () => go('/ops') }, { id: 'console', label: t('account.console'), icon: 'external', run: () => { location.href = '/_/'; } }] : []),
    { id: 'out', label: t('account.out'), icon: 'left', run: () => { pb.authStore.clear(); go('/login'); } },
  ]} />`;
}

// @ts-check
// Starts the app: texts, session, then the screen that the address names.
import { html, render, useEffect, useRef, useState } from './vendor/runtime.js';
import { call } from './api.js';
import { loadMessages, t } from './i18n.js';
import './keys.js';
import './prefs.js';
import { go, path } from './router.js';
import { Shell } from './shell.js';
import { loadSession, project, projects, user } from './store.js';
import { Button, EmptyState, Loading, Toasts } from './ui/index.js';

/**
 * A screen is a module in screens/ whose default export draws it. alone: drawn
 * without the navigation, and for people who are not signed in.
 * @type {{name: string, at: RegExp, load: () => Promise<{default: any}>, alone?: boolean}[]}
 */
const routes = [
  { name: 'inbox', at: /^\/inbox(?:\/(?<id>[a-z0-9]+))?$/, load: () => import('./screens/inbox.js') },
  { name: 'items', at: /^\/items\/(?<id>[a-z0-9]+)$/, load: () => import('./screens/item.js') },
  { name: 'issues', at: /^\/issues(?:\/(?<id>[a-z0-9]+))?$/, load: () => import('./screens/issues.js') },
  { name: 'insights', at: /^\/insights$/, load: () => import('./screens/insights.js') },
  { name: 'live', at: /^\/live$/, load: () => import('./screens/live.js') },
  { name: 'sources', at: /^\/sources(?:\/(?<id>[a-z0-9]+))?$/, load: () => import('./screens/sources.js') },
  { name: 'trackers', at: /^\/trackers(?:\/(?<id>[a-z0-9]+))?$/, load: () => import('./screens/trackers.js') },
  { name: 'settings', at: /^\/settings(?:\/(?<part>[a-z-]+))?$/, load: () => import('./screens/settings.js') },
  { name: 'ops', at: /^\/ops(?:\/(?<part>[a-z]+))?$/, load: () => import('./screens/ops.js') },
  { name: 'start', at: /^\/start$/, load: () => import('./screens/start.js') },
  { name: 'welcome', at: /^\/welcome$/, load: () => import('./screens/welcome.js'), alone: true },
  { name: 'login', at: /^\/login$/, load: () => import('./screens/login.js'), alone: true },
  { name: 'setup', at: /^\/setup$/, load: () => import('./screens/setup.js'), alone: true },
];

/** @param {{name: string, params: Record<string, string>, load: () => Promise<{default: any}>}} props */
function Screen({ name, params, load }) {
  const [found, setFound] = useState(/** @type {{name: string, view: any, problem?: Error} | null} */ (null));
  useEffect(() => {
    let gone = false;
    load().then(m => { if (!gone) setFound({ name, view: m.default }); })
      .catch(problem => { if (!gone) setFound({ name, view: null, problem }); });
    return () => { gone = true; };
  }, [name]);
  if (found?.name !== name) return html`<div class="screen"><${Loading} /></div>`;
  if (found.problem) return html`<${Broken} problem=${found.problem} />`;
  return html`<${found.view} params=${params} />`;
}

/** @param {{problem: Error}} props */
function Broken({ problem }) {
  return html`<div class="screen"><h1 class="only-heard">${t('broken.title')}</h1><${EmptyState} icon="warn" title=${t('broken.title')} text=${problem.message}>
    <${Button} look="main" onClick=${() => location.reload()}>${t('broken.reload')}<//><//></div>`;
}

function App() {
  const at = path.value;
  const route = routes.find(r => r.at.test(at));
  const signedIn = user.value !== null;
  const focused = useRef(at);
  useEffect(() => {
    if (at === '/' || (signedIn && route?.alone)) go('/inbox', { replace: true });
    if (!signedIn && !route?.alone) toSignIn(at + location.search);
  }, [at, signedIn]);
  useEffect(() => { // another screen: the focus goes to its content, as it would after loading a page
    const main = document.getElementById('main');
    if (focused.current.split('/')[1] !== at.split('/')[1] && !main?.contains(document.activeElement)) main?.focus({ preventScroll: true });
    focused.current = at;
  }, [at]);
  if (at === '/' || signedIn === Boolean(route?.alone)) return html`<main></main>`;
  const params = at.match(route?.at ?? / /)?.groups ?? {};
  const screen = route ? html`<${Screen} name=${route.name} params=${params} load=${route.load} />`
    : html`<div class="screen"><h1 class="only-heard">${t('nowhere.title')}</h1><${EmptyState} icon="search" title=${t('nowhere.title')} text=${t('nowhere.text')}><a class="button main" href="/inbox">${t('nav.inbox')}</a><//></div>`;
  if (route?.alone) return html`<main id="main" class="alone" tabindex="-1">${screen}</main><${Toasts} />`;
  if (projects.value !== null && !project.value) {
    return html`<main id="main" class="alone" tabindex="-1"><h1 class="only-heard">${t('noproject.title')}</h1><${EmptyState} icon="people" title=${t('noproject.title')} text=${t('noproject.text')} /></main>`;
  }
  return html`<${Shell} screen=${route?.name ?? ''}>${screen}<//><${Toasts} />`;
}

/** @param {string} from where to come back to */
async function toSignIn(from) {
  const back = from && from !== '/' && from !== '/inbox' ? `?to=${encodeURIComponent(from)}` : '';
  try {
    const { needed } = await call('/api/setup');
    go(needed ? '/setup' : `/login${back}`, { replace: true });
  } catch {
    go(`/login${back}`, { replace: true });
  }
}

async function start() {
  const session = loadSession().catch(err => /** @type {Error} */ (err));
  await loadMessages();
  const problem = await session;
  const root = /** @type {HTMLElement} */ (document.getElementById('app'));
  // a token that is no longer good is gone by now, and App shows the sign-in; anything else is said
  if (problem && user.value === null && /** @type {any} */ (problem).status !== 401) render(html`<main class="alone"><${Broken} problem=${problem} /></main>`, root);
  else render(html`<${App} />`, root);
}

start();

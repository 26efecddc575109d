// @ts-check
// Who was invited chooses a password here. The token is in the fragment, which
// no server and no log sees.
import { html } from '../vendor/runtime.js';
import { asked, pb, signIn } from '../api.js';
import { t } from '../i18n.js';
import { go } from '../router.js';
import { loadSession } from '../store.js';
import { EmptyState } from '../ui/index.js';
import { AloneForm } from './alone.js';
import './parts/load.js';

/** @param {string} token */
function addressIn(token) {
  try {
    return String(JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).email ?? '');
  } catch {
    return '';
  }
}

export default function Welcome() {
  const token = location.hash.slice(1);
  const email = addressIn(token);
  if (!email) return html`<h1 class="only-heard">${t('welcome.title')}</h1><${EmptyState} icon="link" title=${t('welcome.bad')} text=${t('welcome.bad.text')}><a class="button" href="/login">${t('login.title')}</a><//>`;
  return html`<${AloneForm} title=${t('welcome.title')} intro=${t('welcome.intro', { email })} button=${t('welcome.button')}
    fields=${[{ name: 'password', label: t('setup.password'), type: 'password', autocomplete: 'new-password', minlength: 8, autofocus: true }]}
    send=${async (/** @type {Record<string, string>} */ v) => {
      await asked(pb.collection('users').confirmPasswordReset(token, v.password, v.password));
      await signIn(email, v.password);
      await loadSession();
      go('/inbox', { replace: true });
    }} />`;
}

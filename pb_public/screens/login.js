// @ts-check
import { html } from '../vendor/runtime.js';
import { call, signIn } from '../api.js';
import { t } from '../i18n.js';
import { go, query } from '../router.js';
import { loadSession } from '../store.js';
import { AloneForm } from './alone.js';

export default function Login() {
  return html`<${AloneForm} title=${t('login.title')} button=${t('login.button')}
    fields=${[
      { name: 'email', label: t('login.email'), type: 'email', autocomplete: 'username' },
      { name: 'password', label: t('login.password'), type: 'password', autocomplete: 'current-password' },
    ]}
    send=${async (/** @type {Record<string, string>} */ v) => {
      await signIn(v.email, v.password);
      await loadSession();
      const to = query.value.get('to') ?? '';
      go(/^\/[a-z]/.test(to) ? to : '/inbox', { replace: true });
    }} />`;
}

/** @param {Record<string, string>} v */
export async function makeFirstAdmin(v) {
  await call('/api/setup', { method: 'POST', body: v });
  await signIn(v.email, v.password);
  await loadSession();
}

// @ts-check
import { html } from '../vendor/runtime.js';
import { t } from '../i18n.js';
import { go } from '../router.js';
import { AloneForm } from './alone.js';
import { makeFirstAdmin } from './login.js';

export default function Setup() {
  return html`<${AloneForm} title=${t('setup.title')} intro=${t('setup.intro')} button=${t('setup.button')}
    fields=${[
      { name: 'code', label: t('setup.code'), autocomplete: 'off', spellcheck: false },
      { name: 'email', label: t('login.email'), type: 'email', autocomplete: 'username' },
      { name: 'password', label: t('setup.password'), type: 'password', autocomplete: 'new-password', minlength: 8 },
    ]}
    send=${async (/** @type {Record<string, string>} */ v) => {
      await makeFirstAdmin(v);
      go('/start', { replace: true });
    }} />`;
}

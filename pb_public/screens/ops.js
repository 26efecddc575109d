// @ts-check
// The operator pages inside the web app, for superusers.
import { html } from '../vendor/runtime.js';
import { pb } from '../api.js';
import { t } from '../i18n.js';
import { Operations } from '../operator/ops.js';
import { isSuperuser } from '../store.js';
import { EmptyState } from '../ui/index.js';

/** @param {{params: {part?: string}}} props */
export default function Screen({ params }) {
  if (!isSuperuser.value) return html`<div class="screen"><h1 class="only-heard">${t('ops.title')}</h1><${EmptyState} icon="people" title=${t('ops.superusers')} /></div>`;
  return html`<link rel="stylesheet" href="/operator/ops.css" /><div class="screen ops-host"><${Operations} pb=${pb} part=${params.part ?? 'overview'} href=${(/** @type {string} */ part) => `/ops/${part}`} /></div>`;
}

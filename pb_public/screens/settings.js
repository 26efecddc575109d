// @ts-check
import { html } from '../vendor/runtime.js';
import { t } from '../i18n.js';
import { prefs, setPrefs } from '../prefs.js';
import { Field } from '../ui/index.js';

/** @type {['theme' | 'density' | 'shortcuts' | 'motion' | 'advance', string[]][]} */
const choices = [['theme', ['system', 'light', 'dark']], ['density', ['comfortable', 'compact']], ['shortcuts', ['on', 'focus', 'off']],
  ['motion', ['system', 'less']], ['advance', ['next', 'previous', 'stay']]];

/** How the app looks and behaves for this person, in this browser. */
export default function Settings() {
  return html`<div class="screen"><header><h1>${t('nav.settings')}</h1></header>
    <section class="card stack"><h2>${t('settings.accessibility')}</h2>${choices.map(([name, values]) => html`<${Field} key=${name} name=${name} label=${t(`settings.${name}`)} value=${prefs.value[name]}
      options=${values.map(v => ({ value: v, label: t(`settings.${name}.${v}`) }))} onChange=${(/** @type {any} */ e) => setPrefs({ [name]: e.target.value })} />`)}</section></div>`;
}

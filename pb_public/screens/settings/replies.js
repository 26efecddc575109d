// @ts-check
import { html, useState } from '../../vendor/runtime.js';
import { t } from '../../i18n.js';
import { project } from '../../store.js';
import { Button, Field } from '../../ui/index.js';
import { saveSettings } from './save.js';

const kinds = ['acknowledge', 'ask', 'filed', 'fixed', 'declined'];

/** What reporters are told by themselves, and in which words. */
export default function Replies() {
  const s = project.value?.settings ?? {};
  const [busy, setBusy] = useState(false);
  const save = async (/** @type {any} */ e) => {
    e.preventDefault();
    const f = new FormData(e.target);
    setBusy(true);
    await saveSettings({
      loop: { ...s.loop, ...Object.fromEntries(kinds.map(k => [k, f.get(`loop-${k}`) === 'on'])) },
      templates: { ...s.templates, ...Object.fromEntries(kinds.map(k => [k, String(f.get(`text-${k}`)).trim()])) },
    });
    setBusy(false);
  };
  return html`<form class="card stack narrow" onSubmit=${save}><h2>${t('replies.title')}</h2><p class="note">${t('replies.note')}</p>
    ${kinds.map(k => html`<fieldset key=${k}><legend>${t(`loop.${k}`)}</legend><${Field} type="checkbox" name=${`loop-${k}`} label=${t('replies.on')} value=${s.loop?.[k] ?? false} />
      <${Field} label=${t('replies.words')} name=${`text-${k}`} rows=${2} maxlength="4000" placeholder=${t('replies.own')} value=${s.templates?.[k] ?? ''} /></fieldset>`)}
    <p class="note">${t('replies.fill')} <code>{reference} {title} {url} {number} {reason} {missing}</code></p>
    <div class="row"><${Button} type="submit" look="main" disabled=${busy}>${t('save')}<//></div></form>`;
}

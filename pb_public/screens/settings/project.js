// @ts-check
import { html, useState } from '../../vendor/runtime.js';
import { t } from '../../i18n.js';
import { project } from '../../store.js';
import { Button, Field } from '../../ui/index.js';
import { lines, saveSettings } from './save.js';

/** The project's name, the labels and components that a verdict may suggest, the language of drafts. */
export default function Project() {
  const p = project.value;
  const s = p?.settings ?? {};
  const [busy, setBusy] = useState(false);
  if (!p) return null;
  const save = async (/** @type {any} */ e) => {
    e.preventDefault();
    const f = new FormData(e.target);
    setBusy(true);
    await saveSettings({ labels: lines(String(f.get('labels'))), components: lines(String(f.get('components'))), language: String(f.get('language')) }, { name: f.get('name') });
    setBusy(false);
  };
  return html`<form class="card stack narrow" onSubmit=${save}>
    <${Field} label=${t('col.name')} name="name" required maxlength="120" value=${p.name} />
    <${Field} label=${t('project.labels')} note=${t('project.labels.note')} name="labels" rows=${4} value=${(s.labels ?? []).join('\n')} />
    <${Field} label=${t('project.components')} note=${t('project.components.note')} name="components" rows=${3} value=${(s.components ?? []).join('\n')} />
    <${Field} label=${t('project.language')} note=${t('project.language.note')} name="language" maxlength="2" pattern="[a-z]{2}" placeholder="en" value=${s.language ?? ''} />
    <p class="note">${t('project.slug')} <code>${p.slug}</code></p>
    <div class="row"><${Button} type="submit" look="main" disabled=${busy}>${t('save')}<//></div></form>`;
}

// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { asked, list, pb } from '../../api.js';
import { t } from '../../i18n.js';
import { go } from '../../router.js';
import { isSuperuser, may, projectId, user } from '../../store.js';
import { Button, Dialog, Field, Menu, say, sayProblem } from '../../ui/index.js';

/** Saved searches of this screen: one's own, and those that others share. */
export function Views() {
  const [views, setViews] = useState(/** @type {any[]} */ ([]));
  const [saving, setSaving] = useState(false);
  const read = () => list('views', { filter: 'project = {:p}', params: { p: projectId.value }, sort: 'name' }).then(v => setViews(v.filter(x => x.query.startsWith('/issues'))), () => {});
  useEffect(() => { read(); }, [projectId.value]);
  const remove = async (/** @type {any} */ v) => {
    try {
      await asked(pb.collection('views').delete(v.id));
      read();
    } catch (err) {
      sayProblem(err);
    }
  };
  const mine = views.filter(v => v.user === user.value?.id || (v.shared && may('admin')));
  return html`<${Menu} label=${t('views.title')} look="" align="end" items=${() => [
    ...views.map(v => ({ id: v.id, label: v.name, note: v.shared ? t('views.shared') : undefined, icon: 'filter', run: () => go(v.query) })),
    ...(isSuperuser.value ? [] : [{ id: 'save', label: t('views.save'), icon: 'plus', run: () => setSaving(true) }]),
    ...mine.map(v => ({ id: `remove-${v.id}`, label: t('views.remove', { name: v.name }), icon: 'close', run: () => remove(v) })),
  ]} />
  ${saving && html`<${Dialog} title=${t('views.save')} onClose=${() => setSaving(false)}><form class="stack" onSubmit=${async (/** @type {any} */ e) => {
    e.preventDefault();
    const form = new FormData(e.target);
    try {
      await asked(pb.collection('views').create({ project: projectId.value, user: user.value.id, name: form.get('name'), shared: form.get('shared') === 'on', query: location.pathname + location.search }));
      say(t('views.saved'));
      setSaving(false);
      read();
    } catch (err) {
      sayProblem(err);
    }
  }}><${Field} label=${t('col.name')} name="name" required maxlength="80" autofocus /><${Field} type="checkbox" name="shared" label=${t('views.share')} /><div class="row"><${Button} type="submit" look="main">${t('save')}<//></div></form><//>`}`;
}

// @ts-check
// Saved views, and what can be done with a selection; read after the first rows.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { hint } from '../../actions.js';
import { asked, list, pb } from '../../api.js';
import { t } from '../../i18n.js';
import { go } from '../../router.js';
import { counts, projectId, user } from '../../store.js';
import { ActionButton, Button, Dialog, Field, Menu, sayProblem } from '../../ui/index.js';
import { data, search, selectAll, selected, tab } from './state.js';

/** Saved searches: one's own and those that others share. */
export function Views() {
  const [views, setViews] = useState(/** @type {any[] | null} */ (null));
  const [saving, setSaving] = useState(false);
  const read = () => list('views', { filter: 'project = {:p}', params: { p: projectId.value }, sort: 'name', limit: 100 }).then(setViews, () => setViews(null));
  useEffect(() => { read(); }, [projectId.value]);
  if (views === null) return null;
  const mine = (/** @type {any} */ v) => v.user === user.value?.id;
  const items = () => [
    ...views.map(v => ({ id: v.id, label: v.name, icon: v.shared ? 'people' : 'filter', note: v.query, run: () => go(`/inbox?q=${encodeURIComponent(v.query)}`) })),
    ...(user.value?.collectionName === 'users' ? [{ id: 'save', label: t('views.save'), icon: 'plus', run: () => setSaving(true) }] : []),
    ...views.filter(v => mine(v) && v.query === search.value).map(v => ({ id: `x${v.id}`, label: t('views.remove', { name: v.name }), icon: 'close', run: () => asked(pb.collection('views').delete(v.id)).then(read, sayProblem) })),
  ];
  const save = async (/** @type {any} */ e) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    try {
      await asked(pb.collection('views').create({ project: projectId.value, user: user.value.id, name: form.get('name'), query: form.get('query'), shared: form.get('shared') === 'on' }));
      setSaving(false);
      read();
    } catch (err) {
      sayProblem(err);
    }
  };
  const query = search.value || `is:${tab.value.id}`;
  return html`<${Menu} small icon="filter" label="" caret=${false} align="end" name=${t('views.title')} items=${items} />
    ${saving && html`<${Dialog} title=${t('views.save')} onClose=${() => setSaving(false)}><form class="stack" onSubmit=${save}>
      <${Field} name="name" label=${t('views.name')} required maxlength="80" autofocus autocomplete="off" /><${Field} name="query" label=${t('views.query')} required maxlength="2000" value=${/\bis:/.test(query) ? query : `is:${tab.value.id} ${query}`} />
      <${Field} name="shared" type="checkbox" label=${t('views.shared')} /><div class="row"><span class="grow"></span><${Button} type="submit" look="main">${t('save')}<//></div></form><//>`}`;
}

/** What can be done with all that is selected. */
export function BulkBar() {
  const n = selected.value.size;
  const total = counts.value[tab.value.id];
  if (n === 0) return null;
  const most = data.state.value !== 'all' && !search.value && n < total;
  return html`<div class="bulk" role="toolbar" aria-label=${t('bulk.label')}><strong class="num">${t('bulk.n', { n })}</strong>
    ${most && html`<${Button} small look="plain" hint=${hint('select-all')} onClick=${selectAll}>${t('bulk.all', { n: total })}<//>`}
    ${['approve', 'duplicate', 'decline', 'snooze', 'reopen', 'labels', 'retriage', 'noise'].map(id => html`<${ActionButton} key=${id} id=${id} small />`)}
    <${Button} small look="plain" icon="close" label=${t('bulk.none')} hint="Esc" onClick=${() => { selected.value = new Map(); }} /></div>`;
}

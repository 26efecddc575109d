// @ts-check
import { html, useEffect, useMemo } from '../vendor/runtime.js';
import { useActions } from '../actions.js';
import { number, t } from '../i18n.js';
import { onGap, onRecords } from '../realtime.js';
import { go, query } from '../router.js';
import { counts, projectId, refreshCounts } from '../store.js';
import { EmptyState, Loading, Tabs } from '../ui/index.js';
import { Detail } from './detail/detail.js';
import { makeList, sorts } from './inbox/list.js';
import { Row } from './inbox/row.js';
import { tabOf, tabs } from './inbox/tabs.js';

/** The list of decisions to take, and beside it the one that is looked at. @param {{params: {id?: string}}} props */
export default function Inbox({ params }) {
  const tab = tabOf(query.value.get('tab'));
  const data = useMemo(makeList, []);
  const sort = sorts[tab.of].newest;
  useEffect(() => { data.open({ tab, project: projectId.value, sort, where: '', params: {} }); }, [tab, projectId.value]);
  useEffect(() => {
    const stops = ['issues', 'feedback'].map(c => onRecords(c, ({ record }) => { data.patch(record); refreshCounts(); }));
    stops.push(onGap(() => { data.reload(); refreshCounts(); }));
    return () => stops.forEach(stop => stop());
  }, []);
  const items = data.items.value;
  const at = items.findIndex(i => i.id === params.id);
  const to = (/** @type {string} */ id, replace = true) => go(`/inbox/${id}${location.search}`, { replace });
  const step = (/** @type {number} */ by) => {
    const next = items[Math.max(0, Math.min(items.length - 1, at < 0 ? 0 : at + by))];
    if (next) to(next.id);
  };
  useActions(() => ({ next: () => step(1), previous: () => step(-1), back: params.id && (() => go(`/inbox${location.search}`)) }), [items, at, params.id]);
  useEffect(() => { document.getElementById(`item-${params.id}`)?.scrollIntoView({ block: 'nearest' }); }, [params.id, items.length > 0]);
  return html`<div class=${`inbox ${params.id ? 'reading' : ''}`}>
    <section class="inbox-list">
      <header class="bar"><h1>${t('inbox.title')}</h1></header>
      <${Tabs} label=${t('inbox.tabs')} current=${tab.id} tabs=${tabs.map(x => ({ id: x.id, label: t(`tab.${x.id}`), href: `/inbox?tab=${x.id}`, count: counts.value[x.id] }))} />
      ${data.problem.value && html`<p class="problem pad" role="alert">${data.problem.value.message}</p>`}
      ${data.state.value === 'first' ? html`<${Loading} />` : items.length === 0
        ? html`<${EmptyState} title=${t('inbox.empty.title')} text=${t(tab.id === 'pending' ? 'inbox.empty.pending' : '')} />`
        : html`<div class="items" role="listbox" tabindex="0" aria-label=${t('inbox.list')} aria-activedescendant=${at >= 0 ? `item-${params.id}` : undefined}
            onScroll=${(/** @type {any} */ e) => { const el = e.currentTarget; if (el.scrollHeight - el.scrollTop < 2 * el.clientHeight) data.more(); }}>
            ${items.map(i => html`<${Row} key=${i.id} item=${i} active=${i.id === params.id} onOpen=${(/** @type {string} */ id) => to(id, false)} />`)}</div>`}
    </section>
    <section class="inbox-detail" aria-label=${t('inbox.detail')}>
      ${params.id ? html`<${Detail} key=${params.id} id=${params.id} onChange=${(/** @type {any} */ r) => { data.patch(r); refreshCounts(); }} />`
      : html`<${EmptyState} icon="keyboard" title=${t('inbox.none.title')} text=${t('inbox.none.text')} />`}
    </section>
  </div>`;
}

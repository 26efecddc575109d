// @ts-check
// What stands where there are no items, and above them when something is wrong.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { call, list, maybe } from '../../api.js';
import { asDate, number, t } from '../../i18n.js';
import { setQuery } from '../../router.js';
import { counts, engine, may, projectId } from '../../store.js';
import { Banner, Button, EmptyState, Icon, say, sayProblem, Time } from '../../ui/index.js';
import { openTab, search, tab } from './state.js';

export function NoItems() {
  const c = counts.value;
  const anything = ['pending', 'held', 'auto', 'snoozed', 'noise', 'questions', 'decided'].some(k => c[k] > 0);
  if (search.value) {
    return html`<${EmptyState} icon="search" title=${t('empty.nomatch')} text=${t('empty.nomatch.text', { q: search.value })}><${Button} onClick=${() => setQuery({ q: '' })}>${t('empty.clear')}<//><//>`;
  }
  if (c.pending !== undefined && !anything) return html`<${FirstRun} />`;
  if (tab.value.id === 'pending') {
    return html`<${EmptyState} icon="check" title=${t('empty.zero')} text=${c.auto ? t('empty.zero.auto', { n: c.auto }) : t('empty.zero.text')}>
      ${c.auto > 0 && html`<a class="button" href="/inbox?tab=auto">${t('empty.review')}</a>`}${c.held > 0 && html`<a class="button" href="/inbox?tab=held">${t('empty.held', { n: c.held })}</a>`}<//>`;
  }
  return html`<${EmptyState} title=${t(`empty.${tab.value.id}`)} text=${t(`empty.${tab.value.id}.text`)} />`;
}

/** Nothing has ever arrived: what to do first. */
function FirstRun() {
  const [have, setHave] = useState(/** @type {{sources: number, trackers: number, demo: boolean} | null} */ (null));
  useEffect(() => {
    const where = { filter: 'project = {:p} && enabled = true', params: { p: projectId.value }, fields: 'id', limit: 1 };
    Promise.all([list('sources', where).catch(() => []), list('trackers', where).catch(() => [])])
      .then(([s, k]) => setHave({ sources: s.length, trackers: k.length, demo: true }));
  }, [projectId.value]);
  const demo = async () => {
    try {
      await call(`/api/projects/${projectId.value}/demo`, { method: 'POST', body: {} });
      say(t('first.loaded'));
      setTimeout(openTab, 1500);
    } catch (err) {
      sayProblem(err);
    }
  };
  const step = (/** @type {boolean} */ done, /** @type {string} */ name, /** @type {string} */ href) => html`<li class=${done ? 'done' : ''}><${Icon} name=${done ? 'check' : 'right'} /><a href=${href}>${t(`first.${name}`)}</a></li>`;
  return html`<${EmptyState} icon="inbox" title=${t('first.title')} text=${t('first.text')}>
    <ul class="checklist">${step(Boolean(have?.sources), 'source', '/sources')}${step(Boolean(have?.trackers), 'tracker', '/trackers')}</ul>
    ${may('admin') && html`<${Button} look="main" onClick=${demo}>${t('first.demo')}<//>`}<//>`;
}

/** The engine is not what it should be, or a source is silent. */
export function Banners() {
  const [silent, setSilent] = useState(/** @type {any[]} */ ([]));
  const e = engine.value;
  useEffect(() => {
    maybe('/api/insights', { project: projectId.value, days: 7 }).then(r => setSilent((r?.sources ?? []).filter((/** @type {any} */ s) => s.silent)), () => {});
  }, [projectId.value]);
  const waiting = counts.value.degraded ?? 0;
  const down = e?.model && (waiting > 0 || !['closed', 'ready', 'up', 'ok', ''].includes(e.model.breaker ?? e.model.state ?? ''));
  return html`${down && waiting > 0 && html`<${Banner}>${e.model.since ? html`${t('banner.model.since')} <${Time} at=${e.model.since} />. ` : ''}${t('banner.model', { n: waiting })}<//>`}
    ${silent.map(s => html`<${Banner} key=${s.source} icon="clock">${t('banner.silent', { source: s.source, hours: s.last ? number(Math.round((Date.now() - asDate(s.last).getTime()) / 3_600_000)) : '?' })} <a href="/sources">${t('banner.silent.check')}</a><//>`)}`;
}

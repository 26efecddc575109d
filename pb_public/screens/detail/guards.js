// @ts-check
// What to know before approving: where it goes, and what would be odd about it.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { list, maybe } from '../../api.js';
import { number, t } from '../../i18n.js';
import { may } from '../../store.js';
import { Icon, Time } from '../../ui/index.js';

/** @param {{issue: any}} props */
export function Guards({ issue }) {
  const [found, setFound] = useState(/** @type {{trackers: any[] | null, labels: string[] | null, twins: any[]} | null} */ (null));
  const open = ['draft', 'snoozed'].includes(issue.state);
  useEffect(() => {
    if (!open) return;
    let gone = false;
    (async () => {
      const [trackers, twins] = await Promise.all([
        !may('admin') ? null : list('trackers', { filter: 'project = {:p} && enabled = true', params: { p: issue.project }, fields: 'id,name,plugin,config', limit: 5 }).catch(() => null),
        list('issues', { filter: 'project = {:p} && id != {:id} && title = {:t} && (state = "approved" || state = "filed")', params: { p: issue.project, id: issue.id, t: issue.title }, sort: '-created', limit: 3, fields: 'id,number,created' }),
      ]);
      const options = trackers?.[0] && issue.labels?.length && may('triager') ? await maybe(`/api/trackers/${trackers[0].id}/options`).catch(() => null) : null;
      if (!gone) setFound({ trackers, twins, labels: options?.labels?.length ? options.labels.map((/** @type {any} */ l) => l.name) : null });
    })().catch(() => {});
    return () => { gone = true; };
  }, [issue.id, issue.version]);
  if (!open || !found) return null;
  const unknown = found.labels ? (issue.labels ?? []).filter((/** @type {string} */ l) => !found.labels?.includes(l)) : [];
  const where = found.trackers?.map(x => x.config?.repo || x.config?.repository || x.name).join(', ');
  return html`<ul class="guards">
    ${found.trackers && html`<li class=${where ? '' : 'warm'}><${Icon} name="trackers" size=${14} />${where ? t('guard.to', { where }) : html`${t('guard.nowhere')} <a href="/trackers">${t('nav.trackers')}</a>`}</li>`}
    ${unknown.length > 0 && html`<li class="warm"><${Icon} name="tag" size=${14} />${t('guard.labels', { labels: unknown.join(', ') })}</li>`}
    ${found.twins.map(i => html`<li key=${i.id} class="warm"><${Icon} name="warn" size=${14} />${t('guard.twin')} <a href=${`/items/${i.id}`}>#${number(i.number)}</a> <${Time} at=${i.created} /></li>`)}
  </ul>`;
}

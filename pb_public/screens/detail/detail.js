// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { useActions } from '../../actions.js';
import { call, list, one } from '../../api.js';
import { number, t } from '../../i18n.js';
import { onRecords } from '../../realtime.js';
import { ActionButton, Button, Chip, Class, Confidence, EmptyState, EngineBadge, Icon, Loading, sayProblem, Severity, SourceIcon, Time } from '../../ui/index.js';
import { may } from '../../store.js';
import { noteDecision, undoLast } from '../../undo.js';
import { Marked } from './evidence.js';

/**
 * An issue with its reports, or a message by itself, and what can be decided.
 * @param {{id: string, onChange: (record: any) => void, top?: boolean}} props
 * top: it is the page's main thing, so its title is the page's heading
 */
export function Detail({ id, onChange, top }) {
  const [found, setFound] = useState(/** @type {{issue?: any, reports: any[]} | null | undefined} */ (undefined));
  const read = async () => {
    const issue = await one('issues', id);
    if (issue) return setFound({ issue, reports: await list('feedback', { filter: 'issue = {:id}', params: { id }, sort: 'created', expand: 'reporter', limit: 20 }) });
    const message = await one('feedback', id, { expand: 'reporter' });
    setFound(message && { reports: [message] });
  };
  useEffect(() => {
    read().catch(sayProblem);
    return onRecords('issues', ({ record }) => { if (record.id === id) read().catch(() => {}); });
  }, [id]);
  const issue = found?.issue;
  const act = async (/** @type {string} */ verb) => {
    try {
      const answer = await call(`/api/issues/${id}/${verb}`, { method: 'POST', body: { version: issue.version } });
      onChange(answer.issue);
      noteDecision(t(`did.${verb}`, { n: issue.number }), [answer.decision], changed => { changed.forEach(onChange); read(); });
    } catch (err) {
      sayProblem(err);
    }
    read().catch(() => {});
  };
  const state = issue?.state;
  useActions(() => ({
    approve: ['draft', 'snoozed'].includes(state) && (() => act('approve')),
    decline: ['draft', 'snoozed'].includes(state) && (() => act('decline')),
    reopen: ['snoozed', 'declined', 'approved', 'closed'].includes(state) && (() => act('reopen')),
    undo: undoLast,
  }), [id, state, issue?.version]);
  if (found === undefined) return html`<${Loading} />`;
  if (found === null) return html`<${EmptyState} icon="search" title=${t('nowhere.title')} text=${t('nowhere.text')} />`;
  const subject = issue ?? found.reports[0];
  const correct = async (/** @type {string} */ c) => {
    try {
      const { feedback } = await call(`/api/feedback/${id}/correct`, { method: 'POST', body: { class: c } });
      onChange(feedback);
      read();
    } catch (err) {
      sayProblem(err);
    }
  };
  return html`<article class="detail">
    <p class="row muted"><${Severity} value=${subject.severity} /><${Class} value=${subject.class} /><${Chip}>${t(`state.${subject.state}`)}<//>${issue && html`<span>${t('item.number', { n: number(issue.number) })}</span>`}</p>
    ${top ? html`<h1>${subject.title || subject.subject}</h1>` : html`<h2 class="detail-title">${subject.title || subject.subject}</h2>`}
    ${issue ? html`<div class="row"><${ActionButton} id="approve" look="main" /><${ActionButton} id="decline" /><${ActionButton} id="reopen" /></div>`
    : may('triager') && html`<div class="row">${['bug', 'feature', 'question', 'noise'].map(c => html`<${Button} key=${c} onClick=${() => correct(c)}>${t('item.is', { class: t(`class.${c}`) })}<//>`)}</div>`}
    ${issue?.filing && html`<p class="note">${issue.filing}</p>`}
    ${issue?.tracker_key && html`<p class="note">${t('item.filed')} ${/^https?:\/\//.test(issue.tracker_url) ? html`<a href=${issue.tracker_url} target="_blank" rel="noreferrer">#${issue.tracker_key}</a>` : html`<code>${issue.tracker_url || `#${issue.tracker_key}`}</code>`}</p>`}
    ${issue && ['steps', 'criteria', 'missing', 'labels'].map(name => issue[name]?.length ? html`<section key=${name}><h3>${t(`item.${name}`)}</h3><ul>${issue[name].map((/** @type {string} */ x) => html`<li>${x}</li>`)}</ul></section>` : '')}
    <section class="stack"><h3>${t(issue ? 'item.reports' : 'item.original')}</h3>${found.reports.map(r => html`<${Report} key=${r.id} report=${r} />`)}</section>
  </article>`;
}

/** @param {{report: any}} props */
function Report({ report: r }) {
  const who = r.expand?.reporter?.handle || r.expand?.reporter?.external_id || t('item.somebody');
  const spans = (r.verdict?.evidence ?? []).filter((/** @type {any} */ e) => e.part === 'text');
  return html`<div class="report"><p class="row muted"><${SourceIcon} source=${r.source} /><span>${t('item.on', { who, source: r.source })}</span><${Time} at=${r.created} /><${Confidence} value=${r.confidence} /><${EngineBadge} engine=${r.engine} degraded=${r.degraded} /></p>
    ${r.subject && html`<p><strong>${r.subject}</strong></p>`}
    <blockquote><${Marked} text=${r.content} spans=${spans} /></blockquote>
    ${r.held_reason && html`<p class="note">${t(`item.held.${r.held_reason}`)}</p>`}<p class="note">${r.reasoning}</p></div>`;
}

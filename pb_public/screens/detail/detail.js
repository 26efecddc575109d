// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { hint, label, useActions } from '../../actions.js';
import { list, one } from '../../api.js';
import { number, t } from '../../i18n.js';
import { onGap, onRecords } from '../../realtime.js';
import { ActionButton, Button, Chip, Class, Confidence, EmptyState, EngineBadge, Loading, say, sayProblem, Severity } from '../../ui/index.js';
import { changed } from '../inbox/decide.js';
import { Activity } from './activity.js';
import { Draft } from './draft.js';
import { Guards } from './guards.js';
import { Original } from './original.js';
import { Reporter } from './reporter.js';
import { Similar } from './similar.js';
import { Trace } from './trace.js';

/** @typedef {{issue?: any, reports: any[], decisions: any[]}} Found */

/**
 * @param {string} id of an issue or a message
 * @returns {Promise<Found | null>}
 */
async function read(id) {
  const issue = await one('issues', id);
  if (issue) {
    const [reports, decisions] = await Promise.all([
      list('feedback', { filter: 'issue = {:id}', params: { id }, sort: 'created', expand: 'reporter', limit: 50 }),
      history(id),
    ]);
    return { issue, reports, decisions };
  }
  const message = await one('feedback', id, { expand: 'reporter,issue' });
  return message && { reports: [message], decisions: await history(id) };
}

/** @param {string} id */
const history = id => list('decisions', { filter: 'subject_id = {:id}', params: { id }, sort: '-created', limit: 100 });

/**
 * An issue with its reports, or a message by itself.
 * @param {{id: string, known?: any, top?: boolean, onBack?: () => void, onRead?: (record: any) => void}} props
 * known: what the list has of it, drawn until the rest is read; top: its title is the page's heading
 */
export function Detail({ id, known, top, onBack, onRead }) {
  const [found, setFound] = useState(/** @type {Found | null | undefined} */ (undefined));
  const [problem, setProblem] = useState('');
  const [lit, setLit] = useState('');
  const again = () => read(id).then(f => {
    setFound(f);
    setProblem('');
    onRead?.(f && (f.issue ?? f.reports[0]));
  }).catch(err => setProblem(err.message));
  useEffect(() => {
    again();
    let timer = 0;
    const soon = () => { clearTimeout(timer); timer = window.setTimeout(again, 150); };
    const stops = [
      onRecords('issues', ({ record }) => { if (record.id === id) soon(); }),
      onRecords('feedback', ({ record }) => { if (record.id === id || record.issue === id) soon(); }),
      onGap(again),
    ];
    return () => { clearTimeout(timer); stops.forEach(stop => stop()); };
  }, [id]);
  useEffect(() => { if (changed.value.some(r => r.id === id)) again(); }, [changed.value]);
  useActions(() => ({
    permalink: () => {
      const link = `${location.origin}/items/${id}`;
      (navigator.clipboard?.writeText(link) ?? Promise.reject()).then(() => say(t('item.copied')), () => say(link, { seconds: 20 }));
    },
  }), [id]);
  if (found === null) return html`<${EmptyState} icon="search" title=${t('nowhere.title')} text=${t('nowhere.text')} />`;
  const subject = found?.issue ?? found?.reports[0] ?? known;
  if (!subject) return problem ? html`<p class="problem pad" role="alert">${problem}</p>` : html`<${Loading} />`;
  const first = found?.reports[0];
  const title = subject.title || subject.subject || t('item.untitled');
  return html`<article class="detail" aria-busy=${found ? undefined : 'true'}>
    <header class="detail-head">
      <div class="row muted">${onBack && html`<${Button} class="only-narrow" look="plain" small icon="left" label=${label('back')} onClick=${onBack} />`}
        <${Severity} value=${subject.severity} /><${Class} value=${subject.class} /><${Chip} look=${looks[subject.state] ?? ''}>${t(subject.merged_into ? 'state.merged' : `state.${subject.state}`)}<//>
        ${first && html`<${Confidence} value=${first.confidence} /><${EngineBadge} engine=${first.engine} degraded=${first.degraded} />`}
        <span class="grow"></span>${subject.number && html`<span class="num">#${number(subject.number)}</span>`}<${ActionButton} id="permalink" look="plain" small icon="link"><span class="only-heard">${label('permalink')}</span><//></div>
      ${top ? html`<h1>${title}</h1>` : html`<h2 class="detail-title">${title}</h2>`}
      <div class="row decide">${['approve', 'duplicate', 'decline', 'snooze', 'reopen', 'noise', 'class', 'retriage'].filter(a => a !== 'class' || !found?.issue).map((a, i) => html`<${ActionButton} key=${a} id=${a} look=${a === 'approve' ? 'main' : ''} />`)}</div>
    </header>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${found && html`<${Notes} issue=${found.issue} message=${found.issue ? null : first} />
      ${found.issue && html`<${Guards} issue=${found.issue} />`}
      <div class=${found.issue ? 'detail-two' : ''}>
        <${Original} reports=${found.reports} issue=${found.issue} lit=${lit} />
        ${found.issue && html`<${Draft} key=${id} issue=${found.issue} first=${first} decisions=${found.decisions} onLight=${setLit} onSaved=${again} />`}
      </div>
      <${Similar} item=${subject} reports=${found.reports} onChange=${again} />
      ${first?.expand?.reporter && html`<${Reporter} report=${first} />`}
      <${Trace} id=${first?.id ?? id} issue=${found.issue?.id} />
      <${Activity} decisions=${found.decisions} onUndone=${again} />`}
  </article>`;
}

/** @type {Record<string, '' | 'good' | 'warn' | 'bad' | 'accent'>} */
const looks = { draft: 'accent', held: 'warn', filed: 'good', approved: 'good' };

/** What there is to know before reading. @param {{issue?: any, message?: any}} props */
function Notes({ issue, message }) {
  if (message) {
    const joined = message.expand?.issue;
    return html`${message.held_reason && html`<p class="hint">${t(`item.held.${message.held_reason}`)}</p>`}
      ${message.degraded && html`<p class="hint">${message.degraded_why || t('engine.degraded')}</p>`}
      ${joined && html`<p class="hint">${t('item.joined')} <a href=${`/items/${joined.id}`}>#${number(joined.number)} ${joined.title}</a></p>`}
      ${message.state === 'triaged' && html`<p class="hint">${t('item.question')}</p>`}`;
  }
  return html`${issue.filing && html`<p class="hint">${issue.filing}</p>`}
    ${issue.tracker_key && html`<p class="hint">${t('item.filed')} ${/^https?:\/\//.test(issue.tracker_url) ? html`<a href=${issue.tracker_url} target="_blank" rel="noreferrer">#${issue.tracker_key}</a>` : html`<code>${issue.tracker_url || `#${issue.tracker_key}`}</code>`}</p>`}
    ${issue.merged_into && html`<p class="hint">${t('item.merged')} <a href=${`/items/${issue.merged_into}`}>${t('item.merged.show')}</a></p>`}
    ${issue.regression_of && html`<p class="hint warm">${t('item.regression')} <a href=${`/items/${issue.regression_of}`}>${t('item.merged.show')}</a></p>`}`;
}

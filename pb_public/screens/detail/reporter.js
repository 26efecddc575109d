// @ts-check
// Who wrote it, what else they wrote, and an answer to them through the source.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { useActions } from '../../actions.js';
import { call, list } from '../../api.js';
import { t } from '../../i18n.js';
import { onRecords } from '../../realtime.js';
import { may } from '../../store.js';
import { Avatar, Button, Chip, Dialog, Field, say, sayProblem, SourceIcon, Time } from '../../ui/index.js';
import { whoOf } from './original.js';

/** @param {{report: any}} props */
export function Reporter({ report }) {
  const [past, setPast] = useState(/** @type {any[]} */ ([]));
  const [replies, setReplies] = useState(/** @type {any[] | null} */ (null)); // null: this server cannot answer people
  const [writing, setWriting] = useState('');
  const reporter = report.expand.reporter;
  const read = () => list('replies', { filter: 'project = {:p} && feedback = {:f}', params: { p: report.project, f: report.id }, sort: '-created', limit: 20 }).then(setReplies, () => setReplies(null));
  useEffect(() => {
    list('feedback', { filter: 'project = {:p} && reporter = {:r} && id != {:id}', params: { p: report.project, r: reporter.id, id: report.id }, sort: '-created', limit: 5, fields: 'id,title,state,class,created' }).then(setPast, () => {});
    read();
    return onRecords('replies', ({ record }) => { if (record.feedback === report.id) read(); });
  }, [report.id]);
  const can = replies !== null && may('triager');
  useActions(() => ({ ask: can && (() => setWriting('ask')) }), [can, report.id]);
  const send = async (/** @type {any} */ e) => {
    e.preventDefault();
    const text = String(new FormData(e.currentTarget).get('text') ?? '').trim();
    try {
      await call(`/api/feedback/${report.id}/reply`, { method: 'POST', body: { kind: writing, text } });
      setWriting('');
      say(t('reply.sent'));
      read();
    } catch (err) {
      sayProblem(err);
    }
  };
  const missing = /** @type {string[]} */ (report.verdict?.missing ?? []);
  return html`<section class="part"><h3>${t('reporter.title')}</h3>
    <div class="row"><${Avatar} name=${whoOf(report)} /><strong>${whoOf(report)}</strong><${SourceIcon} source=${report.source} word />
      <span class="grow"></span>${can && html`<${Button} small icon="chat" hint="I" onClick=${() => setWriting('ask')}>${t('reply.ask')}<//><${Button} small look="plain" onClick=${() => setWriting('message')}>${t('reply.write')}<//>`}</div>
    ${replies?.map(r => html`<div key=${r.id} class="reply"><blockquote dir="auto">${r.text}</blockquote><p class="row muted"><${Chip} look=${{ sent: 'good', failed: 'bad' }[/** @type {string} */ (r.state)] ?? ''}>${t(`reply.state.${r.state}`)}<//>${r.error && html`<span>${r.error}</span>`}<${Time} at=${r.created} /></p></div>`)}
    ${past.length > 0 && html`<details class="fold"><summary>${t('reporter.past', { n: past.length })}</summary><ul class="past">${past.map(f => html`<li key=${f.id}><a href=${`/items/${f.id}`}>${f.title || t('item.untitled')}</a> <small>${t(`state.${f.state}`)} · <${Time} at=${f.created} /></small></li>`)}</ul></details>`}
    ${writing && html`<${Dialog} title=${t(writing === 'ask' ? 'reply.ask' : 'reply.write')} onClose=${() => setWriting('')}><form class="stack" onSubmit=${send}>
      <${Field} name="text" label=${t('reply.to', { who: whoOf(report), source: report.source })} rows=${5} required autofocus maxlength="2000" defaultValue=${writing === 'ask' ? t('reply.prefill', { what: missing.length ? missing.join(', ') : t('reply.more') }) : ''} note=${t('reply.note')} />
      <div class="row"><span class="grow"></span><${Button} type="submit" look="main">${t('reply.send')}<//></div></form><//>`}
  </section>`;
}

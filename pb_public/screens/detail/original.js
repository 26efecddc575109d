// @ts-check
// What people wrote, verbatim, with the words marked that the verdict rests on.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { call, list, maybe, pb } from '../../api.js';
import { number, percent, t } from '../../i18n.js';
import { may } from '../../store.js';
import { Avatar, Button, Chip, Confidence, EngineBadge, Icon, say, sayProblem, SourceIcon, Time } from '../../ui/index.js';
import { noteDecision } from '../../undo.js';
import { Marked } from './evidence.js';

/** @param {{reports: any[], issue?: any, lit: string}} props */
export function Original({ reports, issue, lit }) {
  const [all, setAll] = useState(false);
  const [first, ...rest] = reports;
  const shown = all ? rest : rest.slice(0, 2);
  if (!first) return html`<section class="part"><h3>${t('item.original')}</h3><p class="muted">${t('item.noreport')}</p></section>`;
  return html`<section class="part original" aria-label=${t('item.original')}><h3>${issue ? t('reports', { n: issue.report_count }) : t('item.original')}${issue && issue.reporter_count !== issue.report_count ? html` · ${t('row.reporters', { n: issue.reporter_count })}` : ''}</h3>
    <${Report} report=${first} lit=${lit} why />
    ${shown.map(r => html`<${Report} key=${r.id} report=${r} lit=${lit} issue=${issue} />`)}
    ${rest.length > shown.length && html`<${Button} small look="plain" icon="down" onClick=${() => setAll(true)}>${t('item.more', { n: rest.length - shown.length })}<//>`}
  </section>`;
}

/** @param {any} r */
export const whoOf = r => r.expand?.reporter?.handle || r.expand?.reporter?.external_id || t('item.somebody');

/** @param {{report: any, lit?: string, why?: boolean, issue?: any}} props */
export function Report({ report: r, lit, why, issue }) {
  const [features, setFeatures] = useState(/** @type {any} */ (null));
  const [translated, setTranslated] = useState(false);
  const [uploads, setUploads] = useState(/** @type {any[]} */ ([]));
  useEffect(() => { // only the form and the widget take files
    setUploads([]);
    if (r.source === 'widget' || r.source === 'form') list('uploads', { filter: 'feedback = {:f}', params: { f: r.id } }).then(setUploads, () => {});
  }, [r.id]);
  const openFile = async (/** @type {any} */ u) => {
    const page = window.open('', '_blank'); // at once, or the browser takes it for a popup
    try {
      const url = pb.files.getURL(u, u.file, { token: await pb.files.getToken() });
      if (page) page.location.href = url;
    } catch (err) {
      page?.close();
      sayProblem(err);
    }
  };
  useEffect(() => { if (why) maybe(`/api/feedback/${r.id}/why`).then(setFeatures, () => {}); }, [r.id]);
  const evidence = /** @type {any[]} */ (r.verdict?.evidence ?? []);
  const spans = (/** @type {string} */ part) => evidence.filter(e => e.part === part);
  const who = whoOf(r);
  const translation = r.verdict?.translation;
  const files = Array.isArray(r.attachments) ? r.attachments : [];
  const split = async () => {
    try {
      const { decision } = await call(`/api/issues/${issue.id}/split`, { method: 'POST', body: { feedback: [r.id], version: issue.version } });
      noteDecision(t('did.split'), [decision], () => {});
    } catch (err) {
      sayProblem(err);
    }
  };
  return html`<div class="report">
    <div class="row muted"><${Avatar} name=${who} /><span><strong class="strong">${who}</strong> ${t('item.on.source', { source: r.source })}</span><${SourceIcon} source=${r.source} /><${Time} at=${r.created} />
      ${/^https?:\/\//.test(r.permalink) && html`<a href=${r.permalink} target="_blank" rel="noreferrer" class="row">${t('item.open')} <${Icon} name="external" size=${12} /></a>`}
      <span class="grow"></span>${issue && may('triager') && html`<${Button} small look="plain" onClick=${split}>${t('item.split')}<//>`}</div>
    ${r.subject && html`<p class="subject"><${Marked} text=${r.subject} spans=${spans('title')} lit=${lit} /></p>`}
    <blockquote dir="auto"><${Marked} text=${r.content} spans=${spans('text')} lit=${lit} /></blockquote>
    ${translation && html`<${Button} small look="plain" aria-expanded=${translated} onClick=${() => setTranslated(!translated)}>${t(translated ? 'item.translation.hide' : 'item.translation', { language: r.language })}<//>
      ${translated && html`<blockquote class="translation">${translation}</blockquote>`}`}
    <div class="row">${files.map((/** @type {any} */ f, /** @type {number} */ i) => html`<${Chip} key=${i} icon="link">${f.name ?? f.url ?? String(f)}<//>`)}
      ${uploads.map(u => html`<${Button} key=${u.id} small icon="link" onClick=${() => openFile(u)}>${u.name}<//>`)}
      ${r.redacted > 0 && html`<${Chip} icon="ban">${t('item.redacted', { n: r.redacted })}<//>`}
      ${(r.verdict?.flags ?? []).map((/** @type {string} */ f) => html`<${Chip} key=${f} look="warn" icon="warn">${t(`flag.${f}`)}<//>`)}</div>
    ${why && r.reasoning && html`<p class="note">${t('item.why')} ${r.reasoning}</p>`}
    ${features && html`<${Why} found=${features} />`}
  </div>`;
}

/** The words and signs that weighed most. @param {{found: any}} props */
function Why({ found }) {
  const rows = [...(found.class ?? []).map((/** @type {any} */ f) => ({ ...f, of: 'class' })), ...(found.severity ?? []).map((/** @type {any} */ f) => ({ ...f, of: 'severity' }))];
  if (rows.length === 0) return null;
  const most = Math.max(...rows.map(f => Math.abs(f.weight)), 0.01);
  return html`<details class="fold"><summary>${t('why.title')}</summary><ul class="why">${rows.map((f, i) => html`<li key=${i}><span class="muted">${t(`field.${f.of}`)}</span><code>${f.feature}</code>
    <meter min="0" max="1" value=${Math.abs(f.weight) / most} aria-label=${t('why.weight', { weight: number(Math.round(f.weight * 100) / 100) })}></meter><span class="num">${f.weight > 0 ? '+' : '−'}${Math.abs(f.weight).toFixed(2)}</span>${f.from === 'project' && html`<${Chip} look="accent">${t('why.learned')}<//>`}</li>`)}</ul></details>`;
}

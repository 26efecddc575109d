// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { call, list } from '../../api.js';
import { number, t } from '../../i18n.js';
import { project, projectId, refreshCounts } from '../../store.js';
import { Banner, Button, Chip, Dialog, Field, say, sayProblem, SourceIcon, Time } from '../../ui/index.js';
import { download } from '../parts/load.js';
import { saveSettings } from './save.js';

/** How long texts stay, what is kept of a person, the demo, and whether the audit holds. */
export default function Data() {
  return html`<div class="stack"><${Retention} /><${Reporters} /><${Demo} /><${Audit} /></div>`;
}

function Retention() {
  const now = Number(project.value?.settings?.retention_days) || 0;
  const [days, setDays] = useState(String(now || ''));
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const n = Number(days) || 0;
  useEffect(() => {
    setPreview(null);
    if (n < 1) return;
    const timer = setTimeout(() => call(`/api/projects/${projectId.value}/retention`, { query: { days: n } }).then(setPreview, () => {}), 300);
    return () => clearTimeout(timer);
  }, [n, projectId.value]);
  return html`<form class="card stack" onSubmit=${async (/** @type {Event} */ e) => { e.preventDefault(); await saveSettings({ retention_days: n }); }}><h2>${t('data.retention')}</h2>
    <div class="narrow stack"><${Field} type="number" min="0" max="36500" step="1" name="days" label=${t('data.days')} note=${t('data.days.note')} value=${days} onInput=${(/** @type {any} */ e) => setDays(e.target.value)} /></div>
    ${preview && html`<p>${t('data.preview', { n: preview.messages, days: preview.days })}</p>`}
    <div class="row"><${Button} type="submit" look="main" disabled=${n === now}>${t('save')}<//></div></form>`;
}

function Reporters() {
  const [words, setWords] = useState('');
  const [found, setFound] = useState(/** @type {any[] | null} */ (null));
  const [panel, setPanel] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const look = async () => {
    try {
      setFound(await list('reporters', { filter: 'project = {:p} && (handle ~ {:w} || external_id ~ {:w})', params: { p: projectId.value, w: words.trim() }, limit: 20, sort: '-created' }));
    } catch (err) {
      sayProblem(err);
    }
  };
  const erase = async () => {
    setBusy(true);
    try {
      const answer = await call(`/api/reporters/${panel.id}/erase`, { method: 'POST' });
      setPanel({ ...panel, answer });
      look();
      refreshCounts();
    } catch (err) {
      sayProblem(err);
    }
    setBusy(false);
  };
  const name = (/** @type {any} */ r) => r.erased ? t('data.erased') : r.handle || r.external_id || t('item.somebody');
  return html`<section class="card stack"><h2>${t('data.people')}</h2><p class="note">${t('data.people.note')}</p>
    <form class="row" role="search" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); look(); }}><div class="grow narrow"><input type="search" aria-label=${t('data.search')} placeholder=${t('data.search')} value=${words} onInput=${(/** @type {any} */ e) => setWords(e.target.value)} /></div><${Button} type="submit" icon="search" disabled=${words.trim().length < 2}>${t('data.find')}<//></form>
    ${found && (found.length === 0 ? html`<p class="muted" role="status">${t('data.nobody')}</p>` : html`<ul class="lines">${found.map(r => html`<li key=${r.id} class="row spread"><span class="row tight"><${SourceIcon} source=${r.source} word /><strong>${name(r)}</strong>${r.erased && html`<${Chip}><${Time} at=${r.erased} /><//>`}</span>
      ${!r.erased && html`<span class="row"><${Button} small onClick=${() => download(`/api/reporters/${r.id}/export`, `reporter-${r.id}.json`).catch(sayProblem)}>${t('data.export')}<//><${Button} small look="danger" onClick=${() => setPanel(r)}>${t('data.erase')}<//></span>`}</li>`)}</ul>`)}
    ${panel && html`<${Dialog} title=${t('data.erase')} onClose=${() => setPanel(null)}>${panel.answer ? html`<p>${t('data.did', { n: panel.answer.messages, issues: panel.answer.issues })}</p>
        ${panel.answer.filed.length > 0 && html`<${Banner}>${t('data.filed')}<//><ul>${panel.answer.filed.map((/** @type {any} */ f) => html`<li key=${f.key}>${/^https?:\/\//.test(f.url) ? html`<a href=${f.url} target="_blank" rel="noreferrer">#${f.key}</a>` : html`#${f.key} <code>${f.url}</code>`}</li>`)}</ul>`}
        <div class="row"><${Button} look="main" onClick=${() => setPanel(null)}>${t('plugins.done')}<//></div>`
      : html`<p>${t('data.erase.text', { name: name(panel) })}</p><p class="note">${t('data.erase.note')}</p><div class="row"><${Button} look="danger" disabled=${busy} onClick=${erase}>${t('data.erase.button')}<//><${Button} onClick=${() => setPanel(null)}>${t('cancel')}<//></div>`}<//>`}
  </section>`;
}

/** Loads the demo, or removes it with all that came of it. */
export function Demo() {
  const [there, setThere] = useState(/** @type {boolean | null} */ (null));
  const [busy, setBusy] = useState(false);
  const at = `/api/projects/${projectId.value}/demo`;
  const look = () => list('feedback', { filter: 'project = {:p} && demo = true', params: { p: projectId.value }, fields: 'id', limit: 1 }).then(l => setThere(l.length > 0), () => {});
  useEffect(() => { look(); }, [projectId.value]);
  const act = async (/** @type {string} */ method) => {
    setBusy(true);
    try {
      const answer = await call(at, { method });
      say(method === 'POST' ? t('demo.loaded', { n: answer.loaded }) : t('demo.removed', { n: answer.messages }));
    } catch (err) {
      sayProblem(err);
    }
    setBusy(false);
    look();
    refreshCounts();
  };
  return html`<section class="card stack"><h2>${t('demo.title')}</h2><p class="note">${t('demo.text')}</p><div class="row">
    <${Button} disabled=${busy || there === true} onClick=${() => act('POST')}>${t('demo.load')}<//>${there && html`<${Button} look="danger" disabled=${busy} onClick=${() => act('DELETE')}>${t('demo.remove')}<//>`}</div></section>`;
}

function Audit() {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    try {
      setFound(await call(`/api/projects/${projectId.value}/audit`));
    } catch (err) {
      sayProblem(err);
    }
    setBusy(false);
  };
  return html`<section class="card stack"><h2>${t('audit.title')}</h2><p class="note">${t('audit.text')}</p>
    ${found && html`<p role="status" class=${found.whole ? '' : 'problem'}>${found.whole ? t('audit.whole', { n: found.verified, ms: number(Math.round(found.took_ms)) }) : t('audit.broken', { problem: found.problem })}</p>
      ${found.last && html`<p class="note">${t('audit.last')} <code class="breaks">${found.last}</code></p>`}`}
    <div class="row"><${Button} disabled=${busy} onClick=${verify}>${t('audit.verify')}<//></div></section>`;
}


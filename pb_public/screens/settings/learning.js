// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { call, maybe } from '../../api.js';
import { number, percent, t } from '../../i18n.js';
import { may, projectId } from '../../store.js';
import { Button, Chip, Dialog, EmptyState, Loading, say, sayProblem, Time } from '../../ui/index.js';
import { download } from '../parts/load.js';
import { follow } from '../parts/runs.js';

/** What this project's decisions have taught the engine. */
export default function Learning() {
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const [calibration, setCalibration] = useState(/** @type {any} */ (null));
  const [asking, setAsking] = useState(false);
  const at = `/api/projects/${projectId.value}/learning`;
  const read = () => {
    maybe(at).then(setFound, () => setFound(null));
    maybe(`/api/projects/${projectId.value}/calibration`).then(setCalibration, () => {});
  };
  useEffect(() => { read(); }, [projectId.value]);
  const retrain = async () => {
    try {
      const { run } = await call(`${at}/retrain`, { method: 'POST' });
      follow(run, t('learning.retrain'), read);
    } catch (err) {
      sayProblem(err);
    }
  };
  const reset = async () => {
    setAsking(false);
    try {
      await call(`${at}/reset`, { method: 'POST' });
      say(t('learning.wasreset'));
      read();
    } catch (err) {
      sayProblem(err);
    }
  };
  if (found === undefined) return html`<${Loading} />`;
  if (found === null) return html`<${EmptyState} icon="bolt" title=${t('learning.none')} text=${t('plugins.notyet')} />`;
  const names = (/** @type {any[]} */ list) => list?.length ? html`<span class="row tight">${list.map(l => html`<${Chip} key=${l.name}>${l.name} · ${number(l.n)}<//>`)}</span>` : html`<span class="muted">${t('not-measured')}</span>`;
  const classes = Object.entries(/** @type {Record<string, {said: number, corrected: number}>} */ (found.classes ?? {})).filter(([, c]) => c.said).map(([name, c]) => ({ name: t(`class.${name}`), n: c.said }));
  return html`<div class="stack"><section class="card stack"><h2>${t('learning.title')}</h2>
      <p>${t('learning.corrections', { n: found.examples ?? 0, changed: found.corrections ?? 0 })}</p>
      ${found.effect ? html`<p>${t('learning.effect', { n: found.effect.n, before: percent(found.effect.before / Math.max(1, found.effect.n)), after: percent(found.effect.after / Math.max(1, found.effect.n)) })}</p>` : html`<p class="muted">${t('learning.noeffect')}</p>`}
      <dl class="fact-list"><div><dt>${t('learning.classes')}</dt><dd>${names(classes)}</dd></div><div><dt>${t('issues.labels')}</dt><dd>${names(found.labels)}</dd></div><div><dt>${t('project.components')}</dt><dd>${names(found.components)}</dd></div>
        <div><dt>${t('col.assignee')}</dt><dd>${names(found.assignees)}</dd></div>${found.updated ? html`<div><dt>${t('learning.updated')}</dt><dd><${Time} at=${found.updated} /></dd></div>` : ''}</dl>
      ${found.busy && html`<p class="note">${t('learning.busy')}</p>`}${may('admin') && html`<div class="row"><${Button} icon="refresh" onClick=${retrain}>${t('learning.retrain')}<//><${Button} onClick=${() => download(`${at}/export`, 'learning.json').catch(sayProblem)}>${t('learning.export')}<//><${Button} look="danger" onClick=${() => setAsking(true)}>${t('learning.reset')}<//></div>`}</section>
    ${calibration?.sources?.length > 0 && html`<section class="card stack"><h2>${t('learning.calibration')}</h2><p class="note">${t('learning.calibration.note')}</p><ul class="lines">${calibration.sources.map((/** @type {any} */ s) => html`<li key=${s.source} class="row spread"><span>${s.source}</span>
      <span class="row tight">${s.calibrated ? html`<${Chip} look="good">${t('learning.calibrated')}<//>` : html`<span class="muted">${t('learning.needs', { n: s.n, needed: s.needed })}</span>`}${s.n ? html`<span class="muted">${t('learning.agreed', { share: percent(s.agreed ?? 0) })}</span>` : ''}</span></li>`)}</ul></section>`}
    ${asking && html`<${Dialog} title=${t('learning.reset')} onClose=${() => setAsking(false)}><p>${t('learning.reset.text')}</p><div class="row"><${Button} look="danger" onClick=${reset}>${t('learning.reset')}<//><${Button} onClick=${() => setAsking(false)}>${t('cancel')}<//></div><//>`}</div>`;
}

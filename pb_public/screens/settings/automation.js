// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { maybe } from '../../api.js';
import { number, percent, t } from '../../i18n.js';
import { project, projectId } from '../../store.js';
import { Button, Field } from '../../ui/index.js';
import { saveSettings } from './save.js';

const levels = ['full_control', 'cautious', 'balanced', 'full_automation'];
const steps = ['noise', 'join', 'small', 'all'];
/** from which level rules do a step alone */
const from = /** @type {Record<string, number>} */ ({ noise: 1, join: 1, small: 2, all: 3 });

/** How much happens without a person, and how sure the engine must be. */
export default function Automation() {
  const s = project.value?.settings ?? {};
  const [level, setLevel] = useState(s.automation || 'cautious');
  const [hold, setHold] = useState(Number(s.hold_below) || 0);
  const [file, setFile] = useState(Number(s.auto_above) || 0.9);
  const [join, setJoin] = useState(s.join_verified ?? true);
  const [curve, setCurve] = useState(/** @type {any} */ (undefined));
  const [busy, setBusy] = useState(false);
  useEffect(() => { maybe(`/api/projects/${projectId.value}/calibration`).then(setCurve, () => setCurve(null)); }, [projectId.value]);
  const save = async (/** @type {Event} */ e) => {
    e.preventDefault();
    setBusy(true);
    await saveSettings({ automation: level, hold_below: hold, auto_above: file, join_verified: join });
    setBusy(false);
  };
  const rank = levels.indexOf(level);
  return html`<form class="stack" onSubmit=${save}>
    <fieldset class="card"><legend class="only-heard">${t('automation.level')}</legend><h2 aria-hidden="true">${t('automation.level')}</h2>
      <div class="levels">${levels.map(l => html`<label key=${l} class=${`level ${l === level ? 'on' : ''}`}><input type="radio" name="level" value=${l} checked=${l === level} onChange=${() => setLevel(l)} />
        <span><strong>${t(`automation.${l}`)}</strong>${l === 'cautious' ? html` <small>${t('automation.default')}</small>` : ''}<span class="muted">${t(`automation.${l}.text`)}</span></span></label>`)}</div>
      <div class="table-frame" tabindex="0" role="region" aria-label=${t('automation.table')}><table class="table"><caption class="only-heard">${t('automation.table')}</caption><thead><tr><th scope="col">${t('automation.step')}</th><th scope="col">${t('automation.who')}</th></tr></thead>
        <tbody>${steps.map(x => html`<tr key=${x}><td>${t(`automation.step.${x}`)}</td><td>${t(rank >= from[x] ? 'automation.rules' : 'automation.people')}</td></tr>`)}</tbody></table></div>
      <p class="note">${t('automation.never')}</p></fieldset>
    <section class="card stack"><h2>${t('automation.sure')}</h2>
      <${Threshold} name="hold" label=${t('automation.hold')} note=${t('automation.hold.note')} value=${hold} set=${setHold} curve=${curve} />
      ${rank >= 2 && html`<${Threshold} name="file" label=${t('automation.file')} note=${t('automation.file.note')} value=${file} set=${setFile} curve=${curve} />`}
      <${Field} type="checkbox" name="join_verified" label=${t('automation.verified')} note=${t('automation.verified.note')} value=${join} onChange=${(/** @type {any} */ e) => setJoin(e.target.checked)} /></section>
    <div class="row"><${Button} type="submit" look="main" disabled=${busy}>${t('save')}<//></div></form>`;
}

/**
 * A threshold over what it would mean: how much is above it, and how often the
 * engine was right there.
 * @param {{name: string, label: string, note: string, value: number, set: (v: number) => void, curve: any}} props
 */
function Threshold({ name, label, note, value, set, curve }) {
  const points = /** @type {any[]} */ (curve?.curve ?? []);
  const at = points.reduce((/** @type {any} */ best, p) => p.threshold <= value + 1e-9 && (!best || p.threshold > best.threshold) ? p : best, points[0] ?? null);
  const x = (/** @type {number} */ v) => 34 + v * 420, y = (/** @type {number} */ v) => 124 - v * 110;
  const line = (/** @type {string} */ key) => points.map(p => `${x(p.threshold).toFixed(1)},${y(p[key]).toFixed(1)}`).join(' ');
  const meaning = at ? t('automation.means', { coverage: percent(at.coverage), precision: percent(at.precision), n: at.n }) : curve === undefined ? '' : t('automation.nocurve');
  return html`<div class="threshold-field"><label for=${`t-${name}`}>${label}</label>
    <div class="row"><input id=${`t-${name}`} type="range" min="0" max="1" step="0.01" name=${name} value=${value} aria-describedby=${`t-${name}-n`} aria-valuetext=${percent(value)} onInput=${(/** @type {any} */ e) => set(Number(e.target.value))} /><output class="num">${percent(value)}</output></div>
    ${points.length > 1 && html`<svg class="curve" viewBox="0 0 470 150" role="img" aria-label=${meaning}>
      ${[0, 0.5, 1].map(v => html`<g key=${v}><line class="grid" x1=${x(0)} x2=${x(1)} y1=${y(v)} y2=${y(v)} /><text x="28" y=${y(v) + 4} text-anchor="end">${percent(v)}</text><text x=${x(v)} y="142" text-anchor="middle">${percent(v)}</text></g>`)}
      <polyline class="coverage" points=${line('coverage')} /><polyline class="precision" points=${line('precision')} /><line class="threshold" x1=${x(value)} x2=${x(value)} y1=${y(0)} y2=${y(1)} /></svg>
      <ul class="legend" aria-hidden="true"><li><i class="precision"></i>${t('automation.precision')}</li><li><i class="coverage"></i>${t('automation.coverage')}</li></ul>`}
    <p class="note" id=${`t-${name}-n`}>${note} ${meaning}${curve?.n ? ` ${t('automation.based', { n: number(curve.n) })}` : ''}</p></div>`;
}

// @ts-check
// The issue that will be filed, to read and to change in place. A save names
// the version that was seen; what was typed is never lost by a refusal.
import { html, useEffect, useRef, useState } from '../../vendor/runtime.js';
import { useActions } from '../../actions.js';
import { call } from '../../api.js';
import { percent, t } from '../../i18n.js';
import { may, user } from '../../store.js';
import { Button, Chip, sayProblem } from '../../ui/index.js';
import { noteDecision } from '../../undo.js';
import { data } from '../inbox/state.js';
import { kept, unsaved } from './unsaved.js';

const lists = ['steps', 'criteria', 'labels', 'components'];
const asText = (/** @type {any} */ v) => Array.isArray(v) ? v.join('\n') : String(v ?? '');
const asList = (/** @type {string} */ s) => s.split('\n').map(x => x.trim()).filter(Boolean);

/** @param {{issue: any, first: any, decisions: any[], onLight: (field: string) => void, onSaved: () => void}} props */
export function Draft({ issue, first, decisions, onLight, onSaved }) {
  const [typed, setTyped] = useState(/** @type {Record<string, string>} */ (kept.get(issue.id) ?? {}));
  const [conflict, setConflict] = useState(false);
  const seen = useRef(issue.version); // the version that the typing began on
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const dirty = Object.keys(typed).length > 0;
  if (!dirty) seen.current = issue.version;
  const editable = may('triager') && ['draft', 'snoozed'].includes(issue.state) && !issue.merged_into;

  const save = async (version = seen.current) => {
    const fields = Object.fromEntries(Object.entries(typed).map(([k, v]) => [k, lists.includes(k) ? asList(v) : v]));
    try {
      const { issue: now, decision } = await call(`/api/issues/${issue.id}`, { method: 'PATCH', body: { version, ...fields } });
      kept.delete(issue.id);
      unsaved.value = null;
      setTyped({});
      setConflict(false);
      data.patch(now);
      onSaved();
      noteDecision(t('did.edit', { what: Object.keys(fields).map(f => t(`field.${f}`)).join(', ') }), [decision], onSaved);
      return now;
    } catch (err) {
      if (/** @type {any} */ (err).status === 409) {
        setConflict(true);
        onSaved();
      } else sayProblem(err);
      return null;
    }
  };
  useEffect(() => {
    if (dirty) kept.set(issue.id, typed);
    else kept.delete(issue.id);
    unsaved.value = dirty ? { id: issue.id, save } : null;
    return () => { unsaved.value = null; };
  }, [typed, issue.version]);
  useActions(() => ({ edit: editable && (() => { const title = /** @type {any} */ (form.current?.elements.namedItem('title')); title?.focus(); title?.select?.(); }) }), [editable, issue.id]);

  const type = (/** @type {any} */ e) => {
    const { name, value } = e.target;
    /** @type {Record<string, string>} */
    const next = { ...typed, [name]: value };
    if (value === asText(issue[name])) delete next[name];
    setTyped(next);
  };
  const common = (/** @type {string} */ name) => ({ name, value: typed[name] ?? asText(issue[name]), readOnly: !editable, onInput: type,
    onFocus: () => onLight(name), onBlur: () => onLight(''), onMouseEnter: () => onLight(name), onMouseLeave: () => onLight('') });
  const keys = (/** @type {KeyboardEvent} */ e) => {
    if (e.key === 'Enter' && (e.metaKey || e.ctrlKey)) { e.preventDefault(); if (dirty) save(); }
    if (e.key === 'Escape') { e.preventDefault(); /** @type {HTMLElement} */ (e.target).blur(); document.getElementById('items')?.focus(); }
  };
  const choice = (/** @type {'class' | 'severity'} */ name, /** @type {string[]} */ values) => html`<label class="in-place"><span>${t(`field.${name}`)}</span>
    <select ...${common(name)} disabled=${!editable} onChange=${type}>${values.map(v => html`<option key=${v} value=${v} selected=${v === (typed[name] ?? issue[name])}>${t(`${name}.${v}`)}</option>`)}</select>
    <${Sure} p=${/** @type {any} */ (first?.verdict?.[name === 'class' ? 'probabilities' : 'severity_probabilities'])?.[issue[name]]} field=${name} onLight=${onLight} /><${Was} field=${name} decisions=${decisions} /></label>`;
  const text = (/** @type {string} */ name, rows = 1) => editable || asText(issue[name]) ? html`<label class="in-place"><span>${t(`field.${name}`)}</span><textarea rows=${rows} ...${common(name)}></textarea><${Was} field=${name} decisions=${decisions} /></label>` : null;
  return html`<section class="part draft"><h3>${t(editable ? 'draft.title' : 'draft.title.filed')}</h3>
    <form ref=${form} class=${editable ? 'editable' : ''} onKeyDown=${keys} onSubmit=${(/** @type {any} */ e) => { e.preventDefault(); save(); }}>
      <label class="in-place"><span>${t('field.title')}</span><textarea rows="1" class="title" ...${common('title')} maxlength="200"></textarea><${Was} field="title" decisions=${decisions} /></label>
      <div class="pair">${choice('class', ['bug', 'feature', 'question', 'noise'])}${choice('severity', ['critical', 'high', 'medium', 'low'])}</div>
      ${text('labels')}${text('steps', 2)}${text('observed')}${text('expected')}${text('criteria')}${text('components')}
      ${issue.missing?.length > 0 && html`<p class="note">${t('draft.missing')} ${issue.missing.join(', ')}</p>`}
      <${Environment} value=${issue.environment} />
      ${conflict && html`<div class="conflict" role="alert"><p>${t('draft.conflict')}</p><div class="row"><${Button} small onClick=${() => save(issue.version)}>${t('draft.mine')}<//><${Button} small onClick=${() => { setTyped({}); setConflict(false); }}>${t('draft.theirs')}<//></div></div>`}
      ${dirty && !conflict && html`<div class="row save"><${Button} type="submit" look="main" small hint="⌘↵">${t('save')}<//><${Button} small look="plain" onClick=${() => setTyped({})}>${t('draft.discard')}<//></div>`}
    </form></section>`;
}

/** How sure the engine was of one field; pointing at it shows the words. @param {{p?: number, field: string, onLight: (field: string) => void}} props */
function Sure({ p, field, onLight }) {
  if (p === undefined) return null;
  return html`<span class=${`sure ${p < 0.6 ? 'low' : ''}`} tabindex="0" role="note" title=${t('draft.sure', { percent: percent(p) })} onFocus=${() => onLight(field)} onBlur=${() => onLight('')}>${percent(p)}</span>`;
}

/** Who changed a field last, and what it was. @param {{field: string, decisions: any[]}} props */
function Was({ field, decisions }) {
  const d = decisions.find(x => ['edit', 'reclassify'].includes(x.action) && x.before && field in x.before);
  if (!d || decisions.some(x => x.undo_of === d.id)) return null;
  const me = d.actor?.endsWith(`/${user.value?.id}`);
  const was = asText(d.before[field]).replace(/\n/g, ', ') || '–';
  return html`<${Chip} title=${was}>${t(me ? 'draft.was.you' : 'draft.was', { was: was.length > 40 ? `${was.slice(0, 40)}…` : was })}<//>`;
}

/** @param {{value: any}} props */
function Environment({ value }) {
  const rows = Object.entries(value ?? {});
  if (rows.length === 0) return null;
  return html`<dl class="facts">${rows.map(([k, v]) => html`<div key=${k}><dt>${k}</dt><dd>${String(v)}</dd></div>`)}</dl>`;
}

// @ts-check
// What a decision still needs to know: of which issue, why, until when, which.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { list, one } from '../../api.js';
import { number, percent, t } from '../../i18n.js';
import { project, projectId } from '../../store.js';
import { Button, Chip, Dialog, Field, MenuList } from '../../ui/index.js';
import { candidatesOf } from '../detail/candidates.js';
import { asking, close } from './asking.js';
import { decide, edit } from './decide.js';
import { isMessage } from './tabs.js';

/** @param {any[]} items */
export const askDuplicate = items => { asking.value = html`<${Duplicate} items=${items} />`; };
/** @param {any[]} items */
export const askDecline = items => { asking.value = html`<${Decline} items=${items} />`; };
/** @param {any[]} items */
export const askLabels = items => { asking.value = html`<${Labels} items=${items} />`; };

/** @param {{items: any[]}} props */
function Duplicate({ items }) {
  const [text, setText] = useState('');
  const [found, setFound] = useState(/** @type {any[] | null} */ (null));
  const [at, setAt] = useState(0);
  const ids = new Set(items.map(i => i.id));
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(async () => {
      const words = text.trim();
      const hits = words ? await search(words) : items.length === 1 ? await candidatesOf(items[0]) : [];
      if (!gone) setFound(hits.filter(h => !ids.has(h.id) && h.state !== 'closed' && h.state !== 'declined').slice(0, 8));
    }, text ? 150 : 0);
    return () => { gone = true; clearTimeout(timer); };
  }, [text]);
  const choose = (/** @type {any} */ c) => {
    if (!c) return;
    close();
    decide(items, { action: 'merge', body: { into: c.id }, said: 'merge' });
  };
  const step = (/** @type {KeyboardEvent} */ e) => {
    const all = found ?? [];
    if (e.key === 'ArrowDown') setAt(Math.min(at + 1, all.length - 1));
    else if (e.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
    else if (e.key === 'Enter') choose(all[at]);
    else if (text === '' && /^[1-5]$/.test(e.key)) choose(all[Number(e.key) - 1]);
    else return;
    e.preventDefault();
  };
  return html`<${Dialog} title=${items.length > 1 ? t('duplicate.many', { n: items.length }) : t('duplicate.title')} class="pick" onClose=${close}>
    <input autofocus type="text" role="combobox" aria-expanded="true" aria-controls="pick-list" aria-activedescendant=${found?.length ? `pick-${at}` : undefined}
      aria-label=${t('duplicate.search')} placeholder=${t('duplicate.search')} value=${text} autocomplete="off" onInput=${(/** @type {any} */ e) => { setText(e.target.value); setAt(0); }} onKeyDown=${step} />
    ${found?.length === 0 && html`<p class="muted">${t(text ? 'duplicate.nothing' : 'duplicate.nocandidate')}</p>`}
    <ul id="pick-list" role="listbox" aria-label=${t('duplicate.candidates')}>${(found ?? []).map((c, i) => html`
      <li key=${c.id} id=${`pick-${i}`} role="option" aria-selected=${i === at} onMouseMove=${() => { if (at !== i) setAt(i); }} onClick=${() => choose(c)}>
        <span class="num muted">#${number(c.number)}</span><span class="grow">${c.title}<small>${t(`state.${c.state}`)}${c.shared?.length ? ` · ${c.shared.slice(0, 6).join(', ')}` : ''}</small></span>
        ${c.score !== undefined && html`<${Chip}>${percent(c.score)}<//>`}${text === '' && i < 5 && html`<kbd aria-hidden="true">${i + 1}</kbd>`}</li>`)}</ul>
  <//>`;
}

/** @param {string} words */
async function search(words) {
  const n = Number(words.replace(/^#/, ''));
  return list('issues', {
    filter: `project = {:p} && merged_into = "" && (title ~ {:w}${Number.isSafeInteger(n) && n > 0 ? ' || number = {:n}' : ''})`,
    params: { p: projectId.value, w: words, n }, sort: '-last_seen', limit: 12, fields: 'id,number,title,state',
  });
}

/** @param {{items: any[]}} props */
function Decline({ items }) {
  const send = (/** @type {any} */ e) => {
    e.preventDefault();
    const reason = String(new FormData(e.currentTarget).get('reason') ?? '').trim();
    close();
    decide(items, { action: 'decline', body: reason ? { reason } : {}, said: 'decline' });
  };
  return html`<${Dialog} title=${items.length > 1 ? t('decline.many', { n: items.length }) : t('decline.title')} onClose=${close}>
    <form class="stack" onSubmit=${send}>
      <${Field} name="reason" label=${t('decline.reason')} autofocus maxlength="2000" autocomplete="off" />
      <div class="row">${['decline.wontfix', 'decline.intended', 'decline.unclear'].map(r => html`<${Button} key=${r} small onClick=${(/** @type {any} */ e) => {
        const input = e.currentTarget.form.reason;
        input.value = t(r);
        input.focus();
      }}>${t(r)}<//>`)}<span class="grow"></span><${Button} type="submit" look="main" hint="↵">${t('action.decline')}<//></div>
    </form><//>`;
}

/** Times to snooze until, in the person's own clock. */
function times() {
  const now = new Date();
  const at = (/** @type {number} */ days, /** @type {number} */ hour) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const monday = now.getDay() === 0 ? 8 : 8 - now.getDay(); // of next week, and never tomorrow
  return [
    { id: 'hour', until: new Date(now.getTime() + 3_600_000) },
    { id: 'tomorrow', until: at(1, 9) },
    { id: 'week', until: at(monday, 9) },
    { id: 'month', until: at(30, 9) },
  ];
}

/** @param {any[]} items */
export function askSnooze(items) {
  const snooze = (/** @type {Date} */ until) => decide(items, { action: 'snooze', body: { until: until.toISOString() }, said: 'snooze' });
  const list = times().map(x => ({ id: x.id, label: t(`snooze.${x.id}`), icon: 'clock', note: x.until.toLocaleString(undefined, { weekday: 'short', hour: 'numeric', minute: '2-digit', ...(x.id === 'month' ? { month: 'short', day: 'numeric' } : {}) }), run: () => snooze(x.until) }));
  asking.value = html`<${MenuList} name=${t('snooze.title')} onClose=${close} items=${list} />`;
}

/**
 * @param {'class' | 'severity'} field
 * @param {any[]} items
 */
export function askValue(field, items) {
  const values = field === 'class' ? ['bug', 'feature', 'question', 'noise'] : ['critical', 'high', 'medium', 'low'];
  const now = items.length === 1 ? items[0][field] : '';
  asking.value = html`<${MenuList} name=${t(`action.${field}`)} onClose=${close} items=${values.map(v => ({
    id: v, label: t(`${field}.${v}`), checked: v === now, run: () => {
      if (isMessage(items[0])) decide(items, { action: 'correct', body: { [field]: v }, said: 'correct' }, { leaves: field === 'class' });
      else edit(items, { [field]: v }, t('did.edit', { what: t(`${field}.${v}`) }));
    },
  }))} />`;
}

/** @param {{items: any[]}} props */
function Labels({ items }) {
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set(items.length === 1 ? items[0].labels ?? [] : [])));
  const [text, setText] = useState('');
  const [known, setKnown] = useState(/** @type {string[]} */ (project.value?.settings?.labels ?? []));
  useEffect(() => { if (items.length === 1) one('issues', items[0].id, { fields: 'labels' }).then(r => r && setChosen(new Set(r.labels ?? []))).catch(() => {}); }, []);
  const all = [...new Set([...known.map((/** @type {any} */ l) => l.name ?? l), ...chosen])].filter(l => l.toLowerCase().includes(text.toLowerCase()));
  const flip = (/** @type {string} */ l) => {
    const next = new Set(chosen);
    if (!next.delete(l)) next.add(l);
    setChosen(next);
  };
  const save = (/** @type {any} */ e) => {
    e.preventDefault();
    if (text.trim()) {
      flip(text.trim());
      setText('');
      return;
    }
    close();
    if (items.length === 1) edit(items, { labels: [...chosen] }, t('did.labels'));
    else if (chosen.size) decide(items, { action: 'label', body: { add: [...chosen] }, said: 'label' }, { leaves: false });
  };
  return html`<${Dialog} title=${t('action.labels')} onClose=${close}><form class="stack" onSubmit=${save}>
    <${Field} name="label" label=${t('labels.find')} autofocus autocomplete="off" value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} note=${t('labels.note')} />
    <div class="row">${all.map(l => html`<label key=${l} class="chip choice"><input type="checkbox" checked=${chosen.has(l)} onChange=${() => flip(l)} />${l}</label>`)}</div>
    <div class="row"><span class="grow"></span><${Button} type="submit" look="main" hint="↵">${t('save')}<//></div></form><//>`;
}

// @ts-check
// Issues that this item may belong to, and what a person says of each.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { useActions } from '../../actions.js';
import { call, list } from '../../api.js';
import { number, percent, t } from '../../i18n.js';
import { may } from '../../store.js';
import { Button, Chip, Dialog, Loading, sayProblem } from '../../ui/index.js';
import { noteDecision } from '../../undo.js';
import { decide } from '../inbox/decide.js';
import { isMessage } from '../inbox/tabs.js';
import { candidatesOf } from './candidates.js';
import { sharedPieces } from './compare.js';
import { whoOf } from './original.js';

/** @param {{item: any, reports: any[], onChange: () => void}} props */
export function Similar({ item, reports, onChange }) {
  const [found, setFound] = useState(/** @type {any[]} */ ([]));
  const [compared, setCompared] = useState(/** @type {any} */ (null));
  const read = () => candidatesOf(item, reports).then(setFound, () => {});
  useEffect(() => { read(); }, [item.id, item.version, reports.length]);
  useActions(() => ({ compare: found[0] && (() => setCompared(found[0])) }), [found]);
  if (found.length === 0) return null;
  const message = isMessage(item);
  const movable = may('triager') && (message || ['draft', 'snoozed', 'approved', 'filed'].includes(item.state)) && !item.merged_into;
  const say = async (/** @type {string} */ verb, /** @type {any} */ c) => {
    try {
      const { decision } = await call(`/api/issues/${item.id}/${verb}`, { method: 'POST', body: { version: item.version, into: c.id } });
      noteDecision(t(`did.${verb}`, { what: `#${number(c.number)}` }), verb === 'apart' ? [] : [decision], onChange);
      setFound(found.filter(x => x.id !== c.id));
      onChange();
    } catch (err) {
      sayProblem(err);
    }
  };
  return html`<section class="part"><h3>${t('similar.title', { n: found.length })}</h3><ul class="similar">${found.slice(0, 6).map(c => html`
    <li key=${c.id}><span class="num score">${percent(c.score)}</span>
      <span class="grow"><a href=${`/items/${c.id}`}>#${number(c.number)} ${c.title}</a> <${Chip} look=${c.state === 'closed' ? 'warn' : ''}>${t(`state.${c.state}`)}<//><small>${t('row.reporters', { n: c.reporter_count })}${c.shared.length ? ` · ${c.shared.slice(0, 6).join(', ')}` : ''}</small></span>
      <span class="row"><${Button} small look="plain" onClick=${() => setCompared(c)}>${t('similar.compare')}<//>
      ${movable && (c.state === 'closed' ? !message && item.state === 'draft' && html`<${Button} small onClick=${() => say('regression', c)}>${t('similar.regression')}<//>`
        : html`<${Button} small onClick=${() => decide([item], { action: 'merge', body: { into: c.id }, said: 'merge' })}>${t(message ? 'similar.join' : 'similar.merge')}<//>`)}
      ${movable && !message && html`<${Button} small look="plain" onClick=${() => say('apart', c)}>${t('similar.apart')}<//>`}</span></li>`)}</ul>
    ${compared && html`<${Compare} report=${reports.find(r => r.id === compared.report) ?? reports[0]} other=${compared} onClose=${() => setCompared(null)} />`}
  </section>`;
}

/** Two reports side by side, with the words that both have. @param {{report: any, other: any, onClose: () => void}} props */
function Compare({ report, other, onClose }) {
  const [theirs, setTheirs] = useState(/** @type {any} */ (undefined));
  useEffect(() => {
    list('feedback', { filter: 'issue = {:id}', params: { id: other.id }, sort: 'created', limit: 50, expand: 'reporter' })
      .then(all => setTheirs(all.find(r => r.id === other.feedback) ?? all[0] ?? null), () => setTheirs(null));
  }, [other.id]);
  const side = (/** @type {any} */ r, /** @type {any} */ against, /** @type {string} */ head) => html`<section><h3>${head}</h3><p class="muted">${whoOf(r)} ${t('item.on.source', { source: r.source })}</p>
    <blockquote dir="auto">${sharedPieces([r.subject, r.content].filter(Boolean).join('\n\n'), [against?.subject, against?.content].join(' ')).map(p => p.shared ? html`<mark>${p.text}</mark>` : p.text)}</blockquote></section>`;
  return html`<${Dialog} title=${t('similar.compare.title')} wide onClose=${onClose}>
    ${theirs === undefined ? html`<${Loading} rows=${3} />` : theirs === null ? html`<p>${t('item.noreport')}</p>`
    : html`<div class="compare">${side(report, theirs, t('similar.this'))}${side(theirs, report, `#${number(other.number)} ${other.title}`)}</div>`}<//>`;
}

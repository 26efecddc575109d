// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { asked, list, pb } from '../../api.js';
import { t } from '../../i18n.js';
import { projectId } from '../../store.js';
import { Banner, Button, Chip, Dialog, EmptyState, Field, Loading, say, sayProblem, Time } from '../../ui/index.js';
import { Copyable } from '../plugins/card.js';

/** Keys that may post feedback into this project, and nothing else. */
export default function Keys() {
  const [keys, setKeys] = useState(/** @type {any[] | null} */ (null));
  const [panel, setPanel] = useState(/** @type {any} */ (null));
  const read = () => list('keys', { filter: 'project = {:p}', params: { p: projectId.value }, sort: '-created' }).then(setKeys, e => { sayProblem(e); setKeys([]); });
  useEffect(() => { read(); }, [projectId.value]);
  const change = async (/** @type {() => Promise<any>} */ f) => {
    try {
      await f();
      say(t('saved'));
    } catch (err) {
      sayProblem(err);
    }
    setPanel(null);
    read();
  };
  if (keys === null) return html`<${Loading} />`;
  const withPublic = keys.some(k => 'public' in k);
  return html`<section class="stack"><div class="row spread"><h2>${t('keys.title')}</h2><${Button} look="main" icon="plus" onClick=${() => setPanel({ kind: 'new' })}>${t('keys.new')}<//></div>
    <p class="note">${t('keys.note')}</p>
    ${keys.length === 0 ? html`<${EmptyState} icon="link" title=${t('keys.empty')} text=${t('keys.empty.text')} />` : html`<ul class="lines">${keys.map(k => html`<li key=${k.id} class="row spread"><span class="stack tight"><span class="row tight"><strong>${k.name}</strong>${k.disabled && html`<${Chip} look="warn">${t('keys.disabled')}<//>`}${withPublic && k.public && html`<${Chip} look="accent">${t('keys.public')}<//>`}</span><small><code>${k.prefix}…</code> · <${Time} at=${k.created} /></small></span>
      <span class="row"><${Button} small onClick=${() => change(() => asked(pb.collection('keys').update(k.id, { disabled: !k.disabled })))}>${t(k.disabled ? 'plugins.enable' : 'plugins.disable')}<//><${Button} small look="danger" onClick=${() => setPanel({ kind: 'remove', key: k })}>${t('plugins.remove')}<//></span></li>`)}</ul>`}
    ${panel?.kind === 'new' && html`<${NewKey} onClose=${() => { setPanel(null); read(); }} />`}
    ${panel?.kind === 'remove' && html`<${Dialog} title=${t('keys.remove')} onClose=${() => setPanel(null)}><p>${t('keys.remove.text', { name: panel.key.name })}</p><div class="row"><${Button} look="danger" onClick=${() => change(() => asked(pb.collection('keys').delete(panel.key.id)))}>${t('plugins.remove')}<//><${Button} onClick=${() => setPanel(null)}>${t('cancel')}<//></div><//>`}
  </section>`;
}

/** @param {{onClose: () => void}} props */
function NewKey({ onClose }) {
  const [made, setMade] = useState(/** @type {any} */ (null));
  const create = async (/** @type {any} */ e) => {
    e.preventDefault();
    try {
      setMade(await asked(pb.collection('keys').create({ project: projectId.value, name: String(new FormData(e.target).get('name')) })));
    } catch (err) {
      sayProblem(err);
    }
  };
  const example = made && `curl ${location.origin}/api/feedback -H 'X-API-Key: ${made.key}' -H 'Content-Type: application/json' -d '{"content": "The export hangs", "user_id": "u1"}'`;
  return html`<${Dialog} title=${t('keys.new')} onClose=${onClose}>${made ? html`<${Copyable} label=${made.name} value=${made.key} /><${Banner}>${t('keys.once')}<//><${Copyable} label=${t('keys.try')} value=${example} /><div class="row"><${Button} look="main" onClick=${onClose}>${t('plugins.done')}<//></div>`
    : html`<form class="stack" onSubmit=${create}><${Field} label=${t('col.name')} name="name" required maxlength="120" autofocus placeholder=${t('keys.name.hint')} /><div class="row"><${Button} type="submit" look="main">${t('keys.make')}<//></div></form>`}<//>`;
}

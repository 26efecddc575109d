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
  return html`<section class="stack"><div class="row spread"><h2>${t('keys.title')}</h2><${Button} look="main" icon="plus" onClick=${() => setPanel({ kind: 'new' })}>${t('keys.new')}<//></div>
    <p class="note">${t('keys.note')}</p>
    ${keys.length === 0 ? html`<${EmptyState} icon="link" title=${t('keys.empty')} text=${t('keys.empty.text')} />` : html`<ul class="lines">${keys.map(k => html`<li key=${k.id} class="row spread"><span class="stack tight"><span class="row tight"><strong>${k.name}</strong>${k.disabled && html`<${Chip} look="warn">${t('keys.disabled')}<//>`}${k.public && html`<${Chip} look="accent">${t('keys.public')}<//>`}</span><small><code>${k.prefix}…</code> · <${Time} at=${k.created} /></small></span>
      <span class="row">${k.public && html`<${Button} small icon="link" onClick=${() => setPanel({ kind: 'snippet', key: k })}>${t('keys.snippet')}<//>`}<${Button} small onClick=${() => change(() => asked(pb.collection('keys').update(k.id, { disabled: !k.disabled })))}>${t(k.disabled ? 'plugins.enable' : 'plugins.disable')}<//><${Button} small look="danger" onClick=${() => setPanel({ kind: 'remove', key: k })}>${t('plugins.remove')}<//></span></li>`)}</ul>`}
    ${panel?.kind === 'new' && html`<${NewKey} onClose=${() => { setPanel(null); read(); }} />`}
    ${panel?.kind === 'snippet' && html`<${Dialog} title=${panel.key.name} onClose=${() => setPanel(null)}><${Snippet} publicKey=${panel.key.public_key} /><//>`}
    ${panel?.kind === 'remove' && html`<${Dialog} title=${t('keys.remove')} onClose=${() => setPanel(null)}><p>${t('keys.remove.text', { name: panel.key.name })}</p><div class="row"><${Button} look="danger" onClick=${() => change(() => asked(pb.collection('keys').delete(panel.key.id)))}>${t('plugins.remove')}<//><${Button} onClick=${() => setPanel(null)}>${t('cancel')}<//></div><//>`}
  </section>`;
}

/** @param {{onClose: () => void}} props */
function NewKey({ onClose }) {
  const [made, setMade] = useState(/** @type {any} */ (null));
  const [open, setOpen] = useState(false);
  const create = async (/** @type {any} */ e) => {
    e.preventDefault();
    const form = new FormData(e.target);
    const origins = String(form.get('origins') ?? '').split(/\s+/).filter(Boolean);
    try {
      setMade(await asked(pb.collection('keys').create({ project: projectId.value, name: String(form.get('name')), public: open, origins })));
    } catch (err) {
      sayProblem(err);
    }
  };
  const example = made && `curl ${location.origin}/api/feedback -H 'X-API-Key: ${made.key}' -H 'Content-Type: application/json' -d '{"content": "The export hangs", "user_id": "u1"}'`;
  return html`<${Dialog} title=${t('keys.new')} onClose=${onClose}>${made?.public ? html`<${Snippet} publicKey=${made.public_key} /><div class="row"><${Button} look="main" onClick=${onClose}>${t('plugins.done')}<//></div>`
    : made ? html`<${Copyable} label=${made.name} value=${made.key} /><${Banner}>${t('keys.once')}<//><${Copyable} label=${t('keys.try')} value=${example} /><div class="row"><${Button} look="main" onClick=${onClose}>${t('plugins.done')}<//></div>`
    : html`<form class="stack" onSubmit=${create}><${Field} label=${t('col.name')} name="name" required maxlength="120" autofocus placeholder=${t('keys.name.hint')} />
      <${Field} type="checkbox" name="public" label=${t('keys.public.make')} note=${t('keys.public.note')} value=${open} onChange=${(/** @type {any} */ e) => setOpen(e.target.checked)} />
      ${open && html`<${Field} label=${t('keys.origins')} name="origins" rows=${3} placeholder="https://www.example.com" note=${t('keys.origins.note')} />`}
      <div class="row"><${Button} type="submit" look="main">${t('keys.make')}<//></div></form>`}<//>`;
}

/** What to put into a web page, and the form that needs none. @param {{publicKey: string}} props */
function Snippet({ publicKey }) {
  return html`<p class="note">${t('keys.snippet.note')}</p>
    <${Copyable} label=${t('keys.snippet.tag')} value=${`<script src="${location.origin}/widget.js" data-key="${publicKey}" defer></script>`} />
    <${Copyable} label=${t('keys.snippet.form')} value=${`${location.origin}/feedback?key=${publicKey}`} />`;
}

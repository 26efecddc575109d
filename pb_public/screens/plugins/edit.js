// @ts-check
import { html, useState } from '../../vendor/runtime.js';
import { asked, pb } from '../../api.js';
import { t } from '../../i18n.js';
import { Button, Dialog, Field, say } from '../../ui/index.js';
import { ConfigFields, configOf } from './form.js';

const told = ['acknowledge', 'ask', 'filed', 'fixed', 'declined'];

/**
 * Changes a source or tracker. A secret that is left empty stays what it was.
 * @param {{collection: 'sources' | 'trackers', record: any, plugin?: any, onClose: () => void, onDone: () => void}} props
 */
export function Edit({ collection, record: r, plugin, onClose, onDone }) {
  const [name, setName] = useState(r.name);
  const [values, setValues] = useState(/** @type {any} */ ({ ...(r.config ?? {}) }));
  const [loop, setLoop] = useState(/** @type {any} */ (r.loop ?? {}));
  const [settle, setSettle] = useState(r.settle || '');
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const save = async (/** @type {Event} */ e) => {
    e.preventDefault();
    setBusy(true);
    setProblem(null);
    /** @type {any} */
    const body = { name, config: configOf(values) };
    if (collection === 'sources' && 'loop' in r) body.loop = loop;
    if (collection === 'trackers') body.settle = Number(settle) || 0;
    try {
      await asked(pb.collection(collection).update(r.id, body));
      say(t('saved'));
      onDone();
    } catch (err) {
      setProblem(err);
      setBusy(false);
    }
  };
  const canReply = plugin?.capabilities?.includes('reply');
  return html`<${Dialog} title=${t('plugins.configureof', { name: r.name })} onClose=${onClose}><form class="stack" onSubmit=${save}>
    <${Field} label=${t('col.name')} name="name" required maxlength="120" value=${name} onInput=${(/** @type {any} */ e) => setName(e.target.value)} />
    ${plugin?.schema ? html`<${ConfigFields} schema=${plugin.schema} values=${values} kept=${r.secrets_set ?? []} problem=${problem} canMake=${r.plugin === 'webhook'} set=${(/** @type {string} */ k, /** @type {any} */ v) => setValues({ ...values, [k]: v })} />`
    : html`<p class="muted">${t('plugins.noschema')}</p>`}
    ${canReply && 'loop' in r && html`<fieldset><legend>${t('plugins.loop')}</legend>${told.map(k => html`<${Field} key=${k} type="checkbox" name=${`loop-${k}`} label=${t(`loop.${k}`)} value=${loop[k] ?? false} onChange=${(/** @type {any} */ e) => setLoop({ ...loop, [k]: e.target.checked })} />`)}</fieldset>`}
    ${collection === 'trackers' && html`<${Field} label=${t('plugins.settle')} note=${t('plugins.settle.note')} type="number" min="0" name="settle" value=${settle} onInput=${(/** @type {any} */ e) => setSettle(e.target.value)} />`}
    ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
    <div class="row"><${Button} type="submit" look="main" disabled=${busy}>${t('save')}<//><${Button} onClick=${onClose}>${t('cancel')}<//></div></form><//>`;
}

// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { call } from '../../api.js';
import { number, t } from '../../i18n.js';
import { may } from '../../store.js';
import { Button, Dialog, Field, Loading, say, sayProblem, SourceIcon } from '../../ui/index.js';

/** @type {Record<string, string>} what an issue's state lets people be told */
const kinds = { filed: 'filed', closed: 'fixed', declined: 'declined' };

/** Shows whom a notice would reach and what it says, and sends it. @param {{issue: any}} props */
export function Notify({ issue }) {
  const [open, setOpen] = useState(false);
  const kind = kinds[issue.state];
  return html`<${Button} icon="chat" onClick=${() => setOpen(true)}>${t('notify.button')}<//>${open && html`<${Preview} issue=${issue} kind=${kind} onClose=${() => setOpen(false)} />`}`;
}

/** @param {{issue: any, kind: string, onClose: () => void}} props */
function Preview({ issue, kind, onClose }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState('');
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    call(`/api/issues/${issue.id}/notify`, { query: { kind } }).then(p => { setFound(p); setText(p.text); }, e => setProblem(e.message));
  }, []);
  const send = async () => {
    setBusy(true);
    try {
      const { n } = await call(`/api/issues/${issue.id}/notify`, { method: 'POST', body: { kind, text } });
      say(t('notify.sent', { n }));
      onClose();
    } catch (err) {
      sayProblem(err);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t('notify.title', { kind: t(`notify.${kind}`) })} onClose=${onClose}>
    ${problem ? html`<p class="problem" role="alert">${problem}</p>` : !found ? html`<${Loading} rows=${3} />` : html`
      <p>${t('notify.count', { n: found.n })}${found.silent ? ` ${t('notify.silent', { n: found.silent })}` : ''}</p>
      ${found.reporters.length > 0 && html`<ul class="people">${found.reporters.map((/** @type {any} */ r) => html`<li key=${r.id}><${SourceIcon} source=${r.source} />${r.handle || t('item.somebody')}</li>`)}${found.n > found.reporters.length ? html`<li>+${number(found.n - found.reporters.length)}</li>` : ''}</ul>`}
      <${Field} label=${t('notify.text')} name="text" rows=${5} value=${text} readonly=${!may('approver')} onInput=${(/** @type {any} */ e) => setText(e.target.value)} />
      ${may('approver') && html`<div class="row"><${Button} look="main" disabled=${busy || !found.n || !text.trim()} onClick=${send}>${t('notify.send', { n: found.n })}<//></div>`}`}<//>`;
}

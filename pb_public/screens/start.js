// @ts-check
// The first steps of a new installation, with what is done ticked off.
import { html, useEffect, useState } from '../vendor/runtime.js';
import { list } from '../api.js';
import { t } from '../i18n.js';
import { onRecords } from '../realtime.js';
import { may, projectId } from '../store.js';
import { Icon } from '../ui/index.js';
import { Demo } from './settings/data.js';
import './parts/load.js';

export default function Start() {
  const [has, setHas] = useState(/** @type {Record<string, boolean>} */ ({}));
  const project = projectId.value;
  useEffect(() => {
    const q = { filter: 'project = {:p}', params: { p: project }, limit: 1, fields: 'id,plugin' };
    const read = async () => {
      const [sources, trackers, messages] = await Promise.all([list('sources', q), list('trackers', { ...q, filter: 'project = {:p} && plugin != "local"' }), list('feedback', q)]);
      setHas({ source: sources.length > 0, tracker: trackers.length > 0, message: messages.length > 0 });
    };
    read().catch(() => {});
    return onRecords('feedback', () => read().catch(() => {}));
  }, [project]);
  const steps = /** @type {[string, string, boolean][]} */ ([
    ['admin', '', true], ['source', '/sources?add=1', has.source], ['tracker', '/trackers?add=1', has.tracker],
  ]);
  return html`<div class="screen start"><header><h1>${t('start.title')}</h1><a class="button main" href="/inbox">${t('start.inbox')}</a></header>
    <p class="muted">${t('start.text')}</p>
    <ol class="steps">${steps.map(([name, href, done]) => html`<li key=${name} class=${`card row spread ${done ? 'done' : ''}`}><span class="row"><span class="step-mark"><${Icon} name=${done ? 'check' : 'plus'} /></span><span class="stack tight"><strong>${t(`start.${name}`)}</strong><span class="muted">${t(`start.${name}.text`)}</span></span></span>
      ${done ? html`<span class="muted">${t('start.done')}</span>` : may('admin') && html`<a class="button" href=${href}>${t(`start.${name}.button`)}</a>`}</li>`)}</ol>
    ${may('admin') && html`<${Demo} />`}
    <section class="card stack"><h2>${t('start.api')}</h2><p class="note">${t('start.api.text')}</p><pre class="log" tabindex="0">curl ${location.origin}/api/feedback -H 'Content-Type: application/json' -d '{"content": "The export hangs at 99 %", "source": "shop", "user_id": "u1"}'</pre></section>
  </div>`;
}

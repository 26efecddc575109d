// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { asked, call, list, maybe, pb } from '../../api.js';
import { number, t } from '../../i18n.js';
import { onRecords } from '../../realtime.js';
import { go } from '../../router.js';
import { projectId } from '../../store.js';
import { Button, Chip, Dialog, Icon, Menu, say, sayProblem, Time } from '../../ui/index.js';
import { copy } from '../parts/load.js';
import { Edit } from './edit.js';
import { PluginIcon } from './icon.js';
import { Logs } from './logs.js';

const looks = /** @type {Record<string, any>} */ ({ running: 'good', starting: '', backoff: 'warn', quarantined: 'bad', misconfigured: 'bad', disabled: '' });

/** @param {number} bytes */
const size = bytes => bytes > 1 << 20 ? `${number(Math.round(bytes / (1 << 20)))} MB` : `${number(Math.round(bytes / 1024))} kB`;

/**
 * One configured source or tracker: how it is, and what can be done about it.
 * @param {{collection: 'sources' | 'trackers', record: any, plugin?: any, whole: boolean, onChange: () => void}} props
 */
export function Card({ collection, record: r, plugin, whole, onChange }) {
  const [status, setStatus] = useState(/** @type {any} */ (null));
  const [last, setLast] = useState(/** @type {any} */ (undefined));
  const [busy, setBusy] = useState('');
  const [panel, setPanel] = useState('');
  const at = `/api/${collection}/${r.id}`;
  const read = () => maybe(`${at}/status`).then(s => setStatus(s ?? false), () => setStatus(false));
  const readLast = () => collection === 'sources'
    ? list('feedback', { filter: 'project = {:p} && source = {:s}', params: { p: projectId.value, s: r.slug }, sort: '-created', fields: 'id,created,title', limit: 1 }).then(l => setLast(l[0] ?? null), () => setLast(null))
    : list('deliveries', { filter: 'tracker = {:t}', params: { t: r.id }, sort: '-created', fields: 'id,created,state,error,number', limit: 1 }).then(l => setLast(l[0] ?? null), () => setLast(null));
  useEffect(() => {
    read();
    readLast();
    const timer = setInterval(() => { if (!document.hidden) read(); }, 10_000);
    const stop = onRecords(collection === 'sources' ? 'feedback' : 'deliveries', c => { if (c.record.source === r.slug || c.record.tracker === r.id) readLast(); });
    return () => { clearInterval(timer); stop(); };
  }, [r.id, r.updated]);
  /** @param {string} what @param {() => Promise<any>} f */
  const during = async (what, f) => {
    setBusy(what);
    try {
      await f();
    } catch (err) {
      const p = /** @type {any} */ (err);
      if ([404, 405].includes(p.status) && p.code === 40400) say(t('plugins.notyet'), { look: 'bad' });
      else sayProblem(err);
    }
    setBusy('');
    read();
  };
  const restart = () => during('restart', async () => { await call(`${at}/restart`, { method: 'POST' }); say(t('plugins.restarted', { name: r.name })); });
  const check = () => during('check', async () => {
    const { ok, detail } = await call(`${at}/check`, { method: 'POST' });
    say(ok ? t('plugins.checked', { name: r.name }) : t('plugins.checkfailed', { detail }), { look: ok ? '' : 'bad' });
  });
  const test = () => during('test', async () => {
    const { feedback } = await call(`${at}/test`, { method: 'POST' });
    say(html`${t('plugins.tested')} <a href=${`/items/${feedback}`}>${t('issues.open')}</a>`);
  });
  const enable = () => during('enable', async () => { await asked(pb.collection(collection).update(r.id, { enabled: !r.enabled })); onChange(); });
  const remove = () => during('remove', async () => { await asked(pb.collection(collection).delete(r.id)); setPanel(''); onChange(); go(`/${collection}`); });
  const state = !r.enabled ? 'disabled' : status ? status.state : r.status;
  const detail = status ? status.detail : r.status_detail;
  const can = /** @type {string[]} */ (plugin?.capabilities ?? []);
  const facts = /** @type {[string, any][]} */ ([
    ['plugins.plugin', html`${r.plugin}${plugin ? ` ${plugin.version}` : ''}`],
    ['plugins.sha', (status?.sha256 || plugin?.sha256) && html`<code>${String(status?.sha256 || plugin.sha256).slice(0, 12)}</code>`],
    ['plugins.pid', status?.pid ? html`${status.pid}${status.rss ? ` · ${size(status.rss)}` : ''}` : ''],
    ['plugins.restarts', status?.restarts ? number(status.restarts) : ''],
    [collection === 'sources' ? 'plugins.lastitem' : 'plugins.lastdelivery', last === undefined ? '…' : last ? html`<${Time} at=${last.created} />` : t('never')],
    ['plugins.items', status?.items !== undefined && collection === 'sources' ? number(status.items) : ''],
    ['plugins.errors', status?.errors ? number(status.errors) : ''],
    ['plugins.settle', collection === 'trackers' && r.settle ? `${r.settle} s` : ''],
  ]).filter(([, v]) => v);
  const hook = `${location.origin}/webhooks/${r.slug}`;
  return html`<article class="card plugin-card"><header class="row spread"><h2 class="row tight"><${PluginIcon} name=${r.plugin} icon=${plugin?.icon} />${whole ? r.name : html`<a href=${`/${collection}/${r.id}`}>${r.name}</a>`}</h2>
      <${Chip} look=${looks[state] ?? ''}>${t(`plugin.state.${state}`)}<//></header>
    ${detail && r.enabled && html`<p class=${['quarantined', 'misconfigured', 'backoff'].includes(state) ? 'problem' : 'note'}>${detail}</p>`}
    <dl class="fact-list">${facts.map(([name, v]) => html`<div key=${name}><dt>${t(name)}</dt><dd>${v}</dd></div>`)}</dl>
    ${collection === 'sources' && (plugin === undefined || can.includes('webhook') || r.plugin === 'webhook') && html`<${Copyable} label=${t('plugins.hook')} value=${hook} />`}
    ${collection === 'sources' && last === null && r.enabled && html`<p class="waiting"><span class="dot live pulse"></span>${t('plugins.waiting')}</p>`}
    <div class="row">
      ${collection === 'sources' && r.enabled && html`<${Button} small icon="bolt" disabled=${busy !== ''} onClick=${test}>${t('plugins.test')}<//>`}
      ${r.enabled && html`<${Button} small disabled=${busy !== ''} onClick=${check}>${t('plugins.check')}<//>`}
      <${Button} small icon="pencil" onClick=${() => setPanel('edit')}>${t('plugins.configure')}<//>
      <${Menu} small look="" label=${t('plugins.more')} items=${() => [
        ...(r.enabled ? [{ id: 'restart', label: t('plugins.restart'), icon: 'refresh', run: restart }] : []),
        { id: 'logs', label: t('plugins.logs'), icon: 'menu', run: () => setPanel('logs') },
        { id: 'enable', label: t(r.enabled ? 'plugins.disable' : 'plugins.enable'), icon: r.enabled ? 'ban' : 'check', run: enable },
        { id: 'remove', label: t('plugins.remove'), icon: 'close', run: () => setPanel('remove') },
      ]} /></div>
    ${whole && html`<section class="stack"><h3>${t('plugins.logs')}</h3><${Logs} at=${at} /></section>`}
    ${panel === 'logs' && html`<${Dialog} wide title=${t('plugins.logsof', { name: r.name })} onClose=${() => setPanel('')}><${Logs} at=${at} /><//>`}
    ${panel === 'edit' && html`<${Edit} collection=${collection} record=${r} plugin=${plugin} onClose=${() => setPanel('')} onDone=${() => { setPanel(''); onChange(); }} />`}
    ${panel === 'remove' && html`<${Dialog} title=${t('plugins.remove')} onClose=${() => setPanel('')}><p>${t(`${collection}.remove.text`, { name: r.name })}</p><div class="row"><${Button} look="danger" onClick=${remove}>${t('plugins.remove')}<//><${Button} onClick=${() => setPanel('')}>${t('cancel')}<//></div><//>`}
  </article>`;
}

/** A value to take elsewhere. @param {{label: string, value: string}} props */
export function Copyable({ label, value }) {
  const [done, setDone] = useState(false);
  return html`<div class="copyable"><span class="copy-label">${label}</span><code tabindex="0">${value}</code><${Button} small onClick=${async () => { setDone(await copy(value)); setTimeout(() => setDone(false), 2000); }}>${done ? html`<${Icon} name="check" size=${14} />` : t('copy')}<//></div>`;
}

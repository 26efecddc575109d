// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { asked, call, list, pb } from '../../api.js';
import { t } from '../../i18n.js';
import { onRecords } from '../../realtime.js';
import { go } from '../../router.js';
import { isSuperuser, projectId } from '../../store.js';
import { Banner, Button, Chip, EmptyState, Field, Icon, say, sayProblem } from '../../ui/index.js';
import { Copyable } from './card.js';
import { ConfigFields, configOf, newSecret } from './form.js';
import { PluginIcon } from './icon.js';

/**
 * Sets a source or tracker up: which plugin, its configuration, and for a
 * source where to send to and whether the first message has come.
 * @param {{collection: 'sources' | 'trackers', plugins: any[] | null, chosen: string, onDone: (id: string) => void}} props
 */
export function Wizard({ collection, plugins, chosen, onDone }) {
  const [made, setMade] = useState(/** @type {any} */ (null));
  const plugin = plugins?.find(p => p.name === chosen);
  if (made) return html`<${First} collection=${collection} record=${made.record} secrets=${made.secrets} plugin=${plugin} onDone=${() => onDone(made.record.id)} />`;
  if (plugins === null) return html`<${EmptyState} icon="warn" title=${t('plugins.nocatalog.title')} text=${t('plugins.nocatalog')}><a class="button" href=${`/${collection}`}>${t('plugins.back')}</a><//>`;
  if (!plugin) {
    return html`<section class="stack"><h2>${t(`${collection}.choose`)}</h2><ul class="choices">${plugins.map(p => {
      const ready = p.state === 'ready' || p.state === undefined;
      return html`<li key=${p.name}><button type="button" class="choice" disabled=${!ready} onClick=${() => go(`/${collection}?add=${p.name}`)}>
        <span class="row tight"><${PluginIcon} name=${p.name} icon=${p.icon} /><strong>${p.name}</strong><small>${p.version}</small>${!ready && html`<${Chip} look="warn">${t(`plugins.file.${p.state}`)}<//>`}${p.origin === 'file' && html`<${Chip}>${t('plugins.own')}<//>`}</span>
        <span class="muted">${p.description || p.detail}</span></button>
        ${!ready && isSuperuser.value && p.state !== 'refused' && html`<${Allow} plugin=${p} />`}</li>`;
    })}</ul><div class="row"><a class="button" href=${`/${collection}`}>${t('cancel')}</a></div></section>`;
  }
  return html`<${Configure} collection=${collection} plugin=${plugin} onMade=${(/** @type {any} */ record, /** @type {any} */ secrets) => setMade({ record, secrets })} />`;
}

/** A program that an operator put there runs only after a superuser says so. @param {{plugin: any}} props */
function Allow({ plugin }) {
  const enable = async () => {
    try {
      await call(`/api/plugins/${plugin.name}/enable`, { method: 'POST', body: { sha256: plugin.sha256 } });
      location.reload();
    } catch (err) {
      sayProblem(err);
    }
  };
  return html`<p class="note">${t('plugins.allow.text')} <code>${plugin.sha256}</code> <${Button} small onClick=${enable}>${t('plugins.allow')}<//></p>`;
}

/** @param {string} text */
const slugOf = text => text.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60);

/** @param {{collection: 'sources' | 'trackers', plugin: any, onMade: (record: any, secrets: string[]) => void}} props */
function Configure({ collection, plugin, onMade }) {
  const [name, setName] = useState('');
  const [slug, setSlug] = useState('');
  const [values, setValues] = useState(/** @type {any} */ (plugin.name === 'webhook' ? { secrets: [newSecret()] } : {}));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const create = async (/** @type {Event} */ e) => {
    e.preventDefault();
    setBusy(true);
    setProblem(null);
    const config = configOf(values);
    try {
      const record = await asked(pb.collection(collection).create({ project: projectId.value, name, plugin: plugin.name, config, enabled: true, ...(collection === 'sources' ? { slug: slug || slugOf(name) } : {}) }));
      say(t('plugins.made', { name }));
      onMade(record, plugin.name === 'webhook' ? config.secrets ?? [] : []);
    } catch (err) {
      setProblem(err);
      setBusy(false);
    }
  };
  const short = slug || slugOf(name);
  const slugNote = `${t('plugins.slug.note')}${short && (plugin.capabilities?.includes('webhook') || plugin.name === 'webhook') ? ` ${t('plugins.slug.path', { path: `/webhooks/${short}` })}` : ''}`;
  return html`<form class="card stack narrow" onSubmit=${create}><h2 class="row tight"><${PluginIcon} name=${plugin.name} icon=${plugin.icon} />${plugin.name}</h2><p class="muted">${plugin.description}</p>
    ${/^https?:\/\//.test(plugin.documentation ?? '') && html`<p><a href=${plugin.documentation} target="_blank" rel="noreferrer">${t('plugins.docs')}</a></p>`}
    <${Field} label=${t('col.name')} name="name" required maxlength="120" autofocus placeholder=${t(`${collection}.name.hint`)} value=${name} onInput=${(/** @type {any} */ e) => setName(e.target.value)} />
    ${collection === 'sources' && html`<${Field} label=${t('plugins.slug')} name="slug" maxlength="60" pattern="[a-z0-9][a-z0-9_\\-]*" placeholder=${slugOf(name)} note=${slugNote} value=${slug} problem=${problem?.field === 'slug' ? problem.message : ''} onInput=${(/** @type {any} */ e) => setSlug(e.target.value)} />`}
    <${ConfigFields} schema=${plugin.schema} values=${values} problem=${problem} canMake=${plugin.name === 'webhook'} set=${(/** @type {string} */ k, /** @type {any} */ v) => setValues({ ...values, [k]: v })} />
    ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
    <div class="row"><${Button} type="submit" look="main" disabled=${busy || !name.trim()}>${t('plugins.connect')}<//><a class="button" href=${`/${collection}?add=1`}>${t('plugins.back')}</a></div></form>`;
}

/** @param {{collection: 'sources' | 'trackers', record: any, secrets: string[], plugin?: any, onDone: () => void}} props */
function First({ collection, record, secrets, plugin, onDone }) {
  const [came, setCame] = useState(/** @type {any} */ (null));
  useEffect(() => {
    if (collection !== 'sources') return;
    const look = () => list('feedback', { filter: 'project = {:p} && source = {:s}', params: { p: record.project, s: record.slug }, sort: '-created', limit: 1 }).then(l => { if (l[0]) setCame(l[0]); }, () => {});
    const timer = setInterval(look, 5000);
    const stop = onRecords('feedback', c => { if (c.record.source === record.slug) look(); });
    return () => { clearInterval(timer); stop(); };
  }, [record.id]);
  const hook = collection === 'sources' && (plugin?.capabilities?.includes('webhook') || record.plugin === 'webhook');
  return html`<section class="card stack narrow"><h2 class="row tight"><${Icon} name="check" />${t('plugins.made', { name: record.name })}</h2>
    ${hook && html`<${Copyable} label=${t('plugins.hook')} value=${`${location.origin}/webhooks/${record.slug}`} />`}
    ${secrets.map((s, i) => html`<${Copyable} key=${i} label=${t('plugins.secret')} value=${s} />`)}
    ${secrets.length > 0 && html`<${Banner}>${t('plugins.secret.once')}<//>`}
    ${collection === 'sources' && (came ? html`<p class="waiting good" role="status"><${Icon} name="check" />${t('plugins.first')} <a href=${`/items/${came.id}`}>${came.title}</a></p>`
      : html`<p class="waiting" role="status"><span class="dot live pulse"></span>${t('plugins.waiting')}</p>`)}
    <div class="row"><${Button} look="main" onClick=${onDone}>${t('plugins.done')}<//></div></section>`;
}

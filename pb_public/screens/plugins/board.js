// @ts-check
// Sources and trackers look alike: cards of what is set up, and a way to set up more.
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { list, maybe } from '../../api.js';
import { t } from '../../i18n.js';
import { onGap, onRecords } from '../../realtime.js';
import { go, query, setQuery } from '../../router.js';
import { may, projectId } from '../../store.js';
import { Banner, Button, EmptyState, Loading } from '../../ui/index.js';
import { NotForYou } from '../parts/figure.js';
import '../parts/load.js';
import { Card } from './card.js';
import { Wizard } from './wizard.js';

/** @typedef {'sources' | 'trackers'} Collection */

/** @param {{collection: Collection, id?: string}} props */
export function Board({ collection, id }) {
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  const [plugins, setPlugins] = useState(/** @type {any[] | null | undefined} */ (undefined));
  const [problem, setProblem] = useState('');
  const project = projectId.value;
  const adding = query.value.get('add') !== null;
  const read = () => list(collection, { filter: 'project = {:p}', params: { p: project }, sort: 'created' }).then(r => { setRows(r); setProblem(''); }, e => { setProblem(e.message); setRows([]); });
  const mayRead = may('admin');
  useEffect(() => {
    if (!mayRead) return;
    read();
    maybe('/api/plugins').then(all => setPlugins(all && all.filter((/** @type {any} */ p) => `${p.kind}s` === collection)), () => setPlugins(null));
    const stops = [onRecords(collection, read), onGap(read)];
    return () => stops.forEach(stop => stop());
  }, [project, collection, mayRead]);
  const one = collection === 'sources' ? 'source' : 'tracker';
  const head = html`<header><h1>${t(`nav.${collection}`)}</h1>${mayRead && !adding && rows !== null && html`<${Button} look="main" icon="plus" onClick=${() => setQuery({ add: '1' }, { replace: false })}>${t(`${one}.add`)}<//>`}</header>`;
  if (!mayRead) return html`<div class="screen">${head}<${NotForYou} title=${t(`${collection}.notyou`)} text=${t('plugins.notyou')} /></div>`;
  if (rows === null || plugins === undefined) return html`<div class="screen">${head}<${Loading} rows=${8} /></div>`;
  if (adding) return html`<div class="screen">${head}<${Wizard} collection=${collection} plugins=${plugins} chosen=${query.value.get('add') ?? ''} onDone=${(/** @type {string} */ made) => { read(); go(made ? `/${collection}/${made}` : `/${collection}`, { replace: true }); }} /></div>`;
  const shown = id ? rows.filter(r => r.id === id) : rows;
  return html`<div class="screen">${head}
    ${problem && html`<${Banner} look="bad">${problem}<//>`}
    ${plugins === null && html`<${Banner}>${t('plugins.nocatalog')}<//>`}
    ${id && html`<p><a href=${`/${collection}`}>← ${t(`${collection}.all`)}</a></p>`}
    ${shown.length === 0 ? html`<${EmptyState} icon=${collection} title=${t(`${collection}.empty`)} text=${t(`${collection}.empty.text`)}><${Button} look="main" icon="plus" onClick=${() => go(`/${collection}?add=1`)}>${t(`${one}.add`)}<//><//>`
    : html`<div class=${id ? 'stack' : 'cards wide-cards'}>${shown.map(r => html`<${Card} key=${r.id} collection=${collection} record=${r} plugin=${plugins?.find(p => p.name === r.plugin)} whole=${Boolean(id)} onChange=${read} />`)}</div>`}
  </div>`;
}

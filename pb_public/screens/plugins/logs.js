// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { maybe } from '../../api.js';
import { t } from '../../i18n.js';
import { Loading, Time } from '../../ui/index.js';

/** What a plugin has said of late, its secrets cut out by the host. @param {{at: string}} props */
export function Logs({ at }) {
  const [lines, setLines] = useState(/** @type {any[] | null | undefined} */ (undefined));
  useEffect(() => {
    const read = () => maybe(`${at}/logs`, { limit: 200 }).then(setLines, () => setLines(null));
    read();
    const timer = setInterval(() => { if (!document.hidden) read(); }, 3000);
    return () => clearInterval(timer);
  }, [at]);
  if (lines === undefined) return html`<${Loading} rows=${4} />`;
  if (lines === null) return html`<p class="muted">${t('plugins.notyet')}</p>`;
  if (lines.length === 0) return html`<p class="muted">${t('plugins.nologs')}</p>`;
  return html`<ol class="log" tabindex="0" aria-label=${t('plugins.logs')}>${lines.map((l, i) => html`<li key=${i} class=${l.level}><${Time} at=${l.at} /><b>${l.level}</b><span>${l.message}</span></li>`)}</ol>`;
}

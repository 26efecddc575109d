// @ts-check
// A form made from a plugin's schema. Secrets go in and never come out.
import { html } from '../../vendor/runtime.js';
import { t } from '../../i18n.js';
import { Button, Field } from '../../ui/index.js';

/** @typedef {{type: string, title?: string, description?: string, secret?: boolean, enum?: string[], default?: any, items?: any, minimum?: number, maximum?: number, maxLength?: number}} Property */

/** @param {string} name */
const words = name => name.replace(/_/g, ' ').replace(/^./, c => c.toUpperCase());

/** A secret for Standard Webhooks: 32 random bytes. */
export const newSecret = () => `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;

/**
 * @param {{schema: any, values: any, set: (name: string, value: any) => void, kept?: string[], problem?: {field: string, message: string} | null, canMake?: boolean}} props
 * kept are the secrets that are stored already
 */
export function ConfigFields({ schema, values, set, kept = [], problem, canMake }) {
  const properties = /** @type {[string, Property][]} */ (Object.entries(schema?.properties ?? {}));
  const required = new Set(schema?.required ?? []);
  const order = properties.sort(([a], [b]) => Number(required.has(b)) - Number(required.has(a)));
  if (order.length === 0) return html`<p class="muted">${t('plugins.noconfig')}</p>`;
  return order.map(([name, p]) => {
    const wrong = problem?.field === `config.${name}` || problem?.field === name ? problem.message : '';
    const secret = p.secret || p.items?.secret;
    const stored = kept.includes(name);
    const note = html`${p.description ?? ''}${secret && stored ? html` <strong>${t('plugins.stored')}</strong>` : ''}`;
    const common = { key: name, name, label: `${p.title ?? words(name)}${required.has(name) ? '' : ` (${t('optional')})`}`, note, problem: wrong };
    if (p.type === 'boolean') return html`<${Field} ...${common} type="checkbox" value=${values[name] ?? p.default ?? false} onChange=${(/** @type {any} */ e) => set(name, e.target.checked)} />`;
    if (p.enum) return html`<${Field} ...${common} value=${values[name] ?? p.default ?? ''} options=${[...(required.has(name) ? [] : [{ value: '', label: '—' }]), ...p.enum.map(v => ({ value: v, label: v }))]} onChange=${(/** @type {any} */ e) => set(name, e.target.value)} />`;
    if (p.type === 'integer' || p.type === 'number') return html`<${Field} ...${common} type="number" step=${p.type === 'integer' ? 1 : 'any'} min=${p.minimum} max=${p.maximum} placeholder=${p.default ?? ''} value=${values[name] ?? ''} onInput=${(/** @type {any} */ e) => set(name, e.target.value === '' ? undefined : Number(e.target.value))} />`;
    if (p.type === 'array') {
      return html`<div key=${name} class="stack tight"><${Field} ...${common} rows=${2} autocomplete="off" spellcheck=${false} placeholder=${secret && stored ? t('plugins.keep') : t('plugins.lines')} value=${(values[name] ?? []).join('\n')}
        onInput=${(/** @type {any} */ e) => set(name, e.target.value === '' ? undefined : e.target.value.split('\n'))} />
        ${secret && canMake && html`<div class="row"><${Button} small icon="plus" onClick=${() => set(name, [...(values[name] ?? []).filter(Boolean), newSecret()])}>${t('plugins.makesecret')}<//></div>`}</div>`;
    }
    const long = (p.maxLength ?? 0) > 2000;
    return html`<${Field} ...${common} type=${secret ? 'password' : 'text'} rows=${long ? 4 : undefined} autocomplete=${secret ? 'new-password' : 'off'} spellcheck=${false} maxlength=${p.maxLength}
      placeholder=${secret && stored ? t('plugins.keep') : p.default ?? ''} value=${values[name] ?? ''} onInput=${(/** @type {any} */ e) => set(name, e.target.value === '' ? undefined : e.target.value)} />`;
  });
}

/**
 * The configuration as it is sent: no empty lines, nothing that was left empty.
 * @param {any} values
 */
export function configOf(values) {
  /** @type {any} */
  const out = {};
  for (const [name, v] of Object.entries(values)) {
    if (v === undefined || v === '') continue;
    out[name] = Array.isArray(v) ? v.map(x => typeof x === 'string' ? x.trim() : x).filter(x => x !== '') : v;
  }
  return out;
}

// @ts-check
import { html, useId } from '../vendor/runtime.js';

/**
 * A labelled input with a note and a problem under it.
 * @param {{label: string, name: string, type?: string, note?: any, problem?: string, rows?: number, options?: {value: string, label: string}[], value?: any, [attribute: string]: any}} props
 * rows makes it a text area, options a choice; type "checkbox" is a switch
 */
export function Field({ label, note, problem, rows, options, type = 'text', value, ...rest }) {
  const id = useId();
  const about = [note && `${id}-n`, problem && `${id}-p`].filter(Boolean).join(' ') || undefined;
  const common = { id, 'aria-describedby': about, 'aria-invalid': problem ? 'true' : undefined, ...rest };
  if (type === 'checkbox') {
    return html`<div class="field check"><input type="checkbox" checked=${value} ...${common} /><label for=${id}>${label}</label>
      ${note && html`<p class="note" id=${`${id}-n`}>${note}</p>`}${problem && html`<p class="problem" role="alert" id=${`${id}-p`}>${problem}</p>`}</div>`;
  }
  return html`<div class="field"><label for=${id}>${label}</label>
    ${options ? html`<select value=${value} ...${common}>${options.map(o => html`<option key=${o.value} value=${o.value} selected=${o.value === value}>${o.label}</option>`)}</select>`
    : rows ? html`<textarea rows=${rows} value=${value} ...${common}></textarea>`
    : html`<input type=${type} value=${value} ...${common} />`}
    ${note && html`<p class="note" id=${`${id}-n`}>${note}</p>`}${problem && html`<p class="problem" role="alert" id=${`${id}-p`}>${problem}</p>`}</div>`;
}

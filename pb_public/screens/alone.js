// @ts-check
import { html, useEffect, useRef, useState } from '../vendor/runtime.js';
import { asProblem } from '../api.js';
import { Button, Field } from '../ui/index.js';

/**
 * A form that stands alone on the page, before anybody is signed in.
 * @param {{title: string, intro?: any, button: string, fields: any[], send: (values: Record<string, string>) => Promise<void>}} props
 */
export function AloneForm({ title, intro, button, fields, send }) {
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  useEffect(() => { /** @type {HTMLElement | null} */ (form.current?.querySelector('input'))?.focus(); }, []);
  const submit = async (/** @type {SubmitEvent} */ e) => {
    e.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      await send(Object.fromEntries(/** @type {any} */ (new FormData(/** @type {HTMLFormElement} */ (e.target)))));
    } catch (err) {
      setProblem(asProblem(err).message);
    } finally {
      setBusy(false);
    }
  };
  return html`<form ref=${form} class="alone-form" onSubmit=${submit}>
    <span class="logo big" aria-hidden="true"></span><h1>${title}</h1>${intro && html`<p class="muted">${intro}</p>`}
    ${fields.map(f => html`<${Field} key=${f.name} required ...${f} />`)}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <${Button} type="submit" look="main" disabled=${busy}>${button}<//>
  </form>`;
}

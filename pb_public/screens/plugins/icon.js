// @ts-check
import { html } from '../../vendor/runtime.js';
import { SourceIcon } from '../../ui/index.js';

/**
 * A plugin's own drawing in the colour of the text, or one of ours. As a mask it
 * is a picture only: nothing in it runs.
 * @param {{name: string, icon?: string}} props
 */
export function PluginIcon({ name, icon }) {
  if (!icon) return html`<${SourceIcon} source=${name} />`;
  const image = `url("data:image/svg+xml,${encodeURIComponent(icon)}")`;
  return html`<i class="plugin-icon" aria-hidden="true" style=${{ maskImage: image, WebkitMaskImage: image }}></i>`;
}

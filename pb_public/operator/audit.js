// @ts-check
import { html, useState } from '../vendor/runtime.js';
import { Act, Problem, round, Tile, useReading, when } from './parts.js';

/** Is the chain of decisions whole? @param {{pb: any, href: (part: string) => string}} props */
export default function Audit({ pb, href }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const verify = async () => setFound(await pb.send('/api/ops/audit', {}));
  const { problem } = useReading(verify, 0);
  return html`${problem && html`<${Problem} of=${problem} />`}
    ${!found ? !problem && html`<p class="quiet" aria-busy="true">Walking the chain …</p>` : html`<div class="tiles">
      <${Tile} title="Chain" value=${found.whole ? 'Whole' : 'Broken'} tone=${found.whole ? '' : 'ill'} note=${found.whole ? 'every row fits the one before it' : found.problem} />
      <${Tile} title="Verified" value=${round(found.verified)} note="decisions, from the first to the last" />
      <${Tile} title="At" value=${when(found.at)} note=${`took ${round(found.took_ms)} ms`} /></div>
      <p>Hash of the last decision: <code>${found.last || 'none yet'}</code></p>
      <p class="quiet">Write it down somewhere else: later it proves that nothing was cut off the end. <a href=${href('decisions')}>All decisions</a></p>`}
    <p><${Act} look="main" run=${verify}>Verify now<//></p>`;
}

#!/usr/bin/env bash
# Makes the files of this folder from the npm packages named below and writes
# vendor.json. Needs npm and a network. Run it after changing a version:
#   pb_public/vendor/build.sh
# The same versions give the same bytes; pb_public/vendor_test.go checks them.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
packages=(preact@11.2.0 @preact/signals@2.11.4 htm@3.1.1 pocketbase@0.28.1 uplot@1.6.32)
esbuild=esbuild@0.28.2

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts "${packages[@]}" "$esbuild"

cat > runtime.js <<'JS'
import { h } from 'preact';
import htm from 'htm';
export { h, render, Fragment, createContext } from 'preact';
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext, useId } from 'preact/hooks';
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from '@preact/signals';
export const html = htm.bind(h);
JS
echo "export { default, ClientResponseError, LocalAuthStore } from 'pocketbase';" > pocketbase.js
echo "export { default } from 'uplot';" > uplot.js
for name in runtime pocketbase uplot; do
  ./node_modules/.bin/esbuild "$name.js" --bundle --minify --format=esm --target=es2022 --legal-comments=none \
    --log-level=warning --outfile="$here/$name.js"
done
cp node_modules/uplot/dist/uPlot.min.css "$here/uplot.css"
for dir in preact @preact/signals @preact/signals-core htm pocketbase uplot; do
  printf '=== %s\n\n' "$dir"
  cat node_modules/$dir/LICENSE*
  printf '\n'
done > "$here/LICENSES.txt"

node - "$here" "$esbuild" "${packages[@]}" <<'JS'
const { readFileSync, writeFileSync } = require('fs');
const { createHash } = require('crypto');
const [here, esbuild, ...packages] = process.argv.slice(2);
const lock = JSON.parse(readFileSync('package-lock.json')).packages;
const name = p => p.slice(0, p.lastIndexOf('@'));
const out = {
  made_by: 'pb_public/vendor/build.sh', bundler: esbuild,
  packages: packages.map(p => {
    const at = lock['node_modules/' + name(p)];
    return { name: name(p), version: at.version, license: at.license, integrity: at.integrity };
  }),
  files: ['runtime.js', 'pocketbase.js', 'uplot.js', 'uplot.css', 'LICENSES.txt'].map(file => ({
    file, sha256: createHash('sha256').update(readFileSync(`${here}/${file}`)).digest('hex'),
  })),
};
writeFileSync(`${here}/vendor.json`, JSON.stringify(out, null, 2) + '\n');
JS

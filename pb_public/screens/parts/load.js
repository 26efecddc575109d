// @ts-check
// The texts and styles of the screens beside the inbox, read with the first of
// them: who only decides never waits for them.
import { loadMessages } from '../../i18n.js';

/** @param {string} href */
const style = href => new Promise(done => {
  const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href, onload: done, onerror: done });
  document.head.append(link);
});

await Promise.all([loadMessages('screens'), style('/screens/screens.css')]);

/** Shows a number, or that there is none. @param {any} value @param {(v: any) => any} draw @param {string} none */
export const measured = (value, draw, none) => value === null || value === undefined ? none : draw(value);

/**
 * Copies a text, and says so.
 * @param {string} text
 */
export const copy = async text => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // an insecure origin: the text can be selected
  }
};

/**
 * Saves what the server answers as a file: a link cannot send the token.
 * @param {string} path
 * @param {string} name
 */
export async function download(path, name) {
  const { pb } = await import('../../api.js');
  const { Problem } = await import('../../api.js');
  const res = await fetch(path, { headers: { Authorization: pb.authStore.token } });
  if (!res.ok) throw new Problem({ message: (await res.json().catch(() => ({}))).message ?? `The server answered ${res.status}.`, status: res.status });
  const url = URL.createObjectURL(await res.blob());
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

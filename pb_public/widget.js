// @ts-check
// The feedback button for any page, in one tag:
//   <script src="https://feedback.example.com/widget.js" data-key="ipk_…" defer></script>
// data-label, data-title, data-prompt, data-send and data-thanks change its words, data-side="left" its
// place, data-user and data-user-name say who writes, data-attachment="off" takes no file. Without data-label=""
// a button is drawn; window.iterateswarmFeedback() opens the form too. No cookies, no storage.
(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const data = script.dataset;
  const server = new URL(script.src).origin;
  if (!data.key) {
    console.error('IterateSwarm: the script tag needs data-key, a public key.');
    return;
  }
  const say = {
    label: data.label ?? 'Feedback', title: data.title ?? 'Send us feedback', prompt: data.prompt ?? 'What happened, or what would help you?',
    send: data.send ?? 'Send', thanks: data.thanks ?? 'Thank you. We have your message.',
  };
  const css = `
    [hidden] { display: none !important; }
    :host { all: initial; color-scheme: light dark; --bg: light-dark(#fff, #17181b); --fg: light-dark(#1b1c20, #ecedf0); --mute: light-dark(#5b5e69, #a2a5b0);
      --line: light-dark(#8b8d98, #6b6e78); --accent: light-dark(#4353c4, #98a5ff); --on: light-dark(#fff, #10121f); --bad: light-dark(#b3163a, #ff93a6);
      font: 15px/1.5 ui-sans-serif, system-ui, sans-serif; }
    * { box-sizing: border-box; font: inherit; }
    .open { position: fixed; z-index: 2147483000; bottom: 1rem; ${data.side === 'left' ? 'left' : 'right'}: 1rem; padding: .6rem 1.1rem; border-radius: 2rem; box-shadow: 0 2px 12px #0004; }
    .open, .main { background: var(--accent); color: var(--on); border: 0; font-weight: 600; cursor: pointer; }
    .main { padding: .55rem 1.3rem; border-radius: .5rem; } .main:disabled { opacity: .6; cursor: default; }
    .plain { background: none; border: 1px solid var(--line); color: var(--fg); padding: .5rem 1rem; border-radius: .5rem; cursor: pointer; }
    dialog { width: min(28rem, calc(100vw - 2rem)); max-height: calc(100vh - 2rem); padding: 1.25rem; border: 1px solid var(--line); border-radius: .75rem; background: var(--bg); color: var(--fg); box-shadow: 0 10px 40px #0006; }
    dialog::backdrop { background: #0006; }
    h2 { margin: 0 0 .75rem; font-size: 1.15rem; font-weight: 600; }
    form { display: grid; gap: .35rem; } label { font-weight: 500; } label span, .note { color: var(--mute); font-weight: 400; font-size: .875em; }
    textarea, input { width: 100%; padding: .5rem .65rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--bg); color: inherit; margin-bottom: .4rem; }
    textarea { min-height: 7rem; resize: vertical; } .trap { position: absolute; left: -200vw; }
    .row { display: flex; gap: .6rem; margin-top: .4rem; } p { margin: .3rem 0; } .bad { color: var(--bad); } a { color: var(--accent); } code { font-family: ui-monospace, monospace; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }`;

  /**
   * An element with properties and children. Text is text, never markup.
   * @param {string} name
   * @param {Record<string, any>} [props]
   * @param {...(Node | string)} children
   * @returns {any}
   */
  const el = (name, props = {}, ...children) => {
    const node = /** @type {any} */ (document.createElement(name));
    for (const [k, v] of Object.entries(props)) {
      if (k in node) node[k] = v;
      else node.setAttribute(k, v);
    }
    node.append(...children);
    return node;
  };
  const host = el('iterateswarm-feedback');
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];

  const problem = el('p', { className: 'bad', role: 'alert', id: 'problem' });
  const text = el('textarea', { id: 'content', name: 'content', required: true, maxLength: 20000, 'aria-describedby': 'problem' });
  const email = el('input', { id: 'email', name: 'email', type: 'email', autocomplete: 'email', maxLength: 200 });
  const file = el('input', { id: 'attachment', name: 'attachment', type: 'file', accept: 'image/png,image/jpeg,image/gif,image/webp,application/pdf,text/plain,.log' });
  const trap = el('input', { id: 'website', name: 'website', tabIndex: -1, autocomplete: 'off' });
  const send = el('button', { className: 'main', type: 'submit' }, say.send);
  const cancel = el('button', { className: 'plain', type: 'button', onclick: () => dialog.close() }, 'Close');
  const label = (/** @type {string} */ to, /** @type {string} */ words, /** @type {string} */ note = '') => el('label', { htmlFor: to }, words, ...(note ? [' ', el('span', {}, note)] : []));
  const form = el('form', { noValidate: false },
    label('content', say.prompt), text,
    ...(data.user ? [] : [label('email', 'E-mail', 'optional'), email]),
    ...(data.attachment === 'off' ? [] : [label('attachment', 'A picture or a log', 'optional, at most 5 MiB'), file]),
    el('p', { className: 'trap', 'aria-hidden': 'true' }, label('website', 'Leave this empty'), trap),
    problem, el('div', { className: 'row' }, send, cancel));
  const done = el('div', { tabIndex: -1, hidden: true });
  const dialog = el('dialog', { 'aria-labelledby': 'title' }, el('h2', { id: 'title' }, say.title), form, done);
  const button = el('button', { className: 'open', type: 'button', 'aria-haspopup': 'dialog', onclick: open }, say.label);

  function open() {
    if (done.hidden === false) reset();
    dialog.showModal();
    text.focus();
  }

  function reset() {
    form.reset();
    form.hidden = false;
    done.hidden = true;
    done.replaceChildren();
  }

  form.addEventListener('submit', async (/** @type {Event} */ e) => {
    e.preventDefault();
    problem.textContent = '';
    send.disabled = true;
    const body = new FormData(form);
    if (data.attachment === 'off' || !file.files?.length) body.delete('attachment');
    body.set('page', location.origin + location.pathname);
    if (data.user) body.set('user_id', data.user);
    if (data.userName) body.set('user_name', data.userName);
    try {
      const answer = await fetch(`${server}/api/feedback?key=${encodeURIComponent(data.key ?? '')}`, { method: 'POST', body, credentials: 'omit' });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.message);
      thank(said);
    } catch (err) {
      problem.textContent = err instanceof TypeError ? 'It could not be sent. What you wrote is still here; try again.' : /** @type {Error} */ (err).message;
    } finally {
      send.disabled = false;
    }
  });

  /** @param {{Reference: string, StatusPath: string, AttachmentError?: string}} said */
  function thank(said) {
    form.hidden = true;
    done.replaceChildren(
      el('p', { role: 'status' }, say.thanks),
      el('p', {}, 'Reference ', el('code', {}, said.Reference)),
      ...(said.AttachmentError ? [el('p', { className: 'bad' }, said.AttachmentError)] : []),
      el('p', {}, el('a', { href: server + said.StatusPath, target: '_blank', rel: 'noopener' }, 'See what becomes of it')),
      el('div', { className: 'row' }, el('button', { className: 'main', type: 'button', onclick: () => dialog.close() }, 'Close')));
    done.hidden = false;
    done.focus();
  }

  if (data.label !== '') root.append(button);
  root.append(dialog);
  const mount = () => document.body.append(host);
  if (document.body) mount();
  else addEventListener('DOMContentLoaded', mount);
  Object.assign(window, { iterateswarmFeedback: open });
})();

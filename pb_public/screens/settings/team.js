// @ts-check
import { html, useEffect, useState } from '../../vendor/runtime.js';
import { asked, call, pb } from '../../api.js';
import { t } from '../../i18n.js';
import { may, projectId, user } from '../../store.js';
import { Avatar, Banner, Button, Chip, Dialog, Field, Loading, say, sayProblem, Time } from '../../ui/index.js';
import { Copyable } from '../plugins/card.js';

const roles = ['viewer', 'triager', 'approver', 'admin'];

/** Who is in the project, and with which role. */
export default function Team() {
  const [people, setPeople] = useState(/** @type {any[] | null} */ (null));
  const [panel, setPanel] = useState(/** @type {any} */ (null));
  const read = () => call(`/api/projects/${projectId.value}/people`).then(a => setPeople(a.people), sayProblem);
  useEffect(() => { read(); }, [projectId.value]);
  /** @param {() => Promise<any>} f */
  const change = async f => {
    try {
      await f();
      say(t('saved'));
    } catch (err) {
      sayProblem(err);
    }
    setPanel(null);
    read();
  };
  if (people === null) return html`<${Loading} />`;
  const admin = may('admin');
  return html`<section class="stack"><div class="row spread"><h2>${t('team.title', { n: people.length })}</h2>${admin && html`<${Button} look="main" icon="plus" onClick=${() => setPanel({ kind: 'invite' })}>${t('team.invite')}<//>`}</div>
    <ul class="lines">${people.map(p => html`<li key=${p.id} class="row spread"><span class="row"><${Avatar} name=${p.name || p.email || '?'} /><span class="stack tight"><span>${p.name || p.email}${p.user === user.value?.id ? html` <${Chip}>${t('account.you')}<//>` : ''}</span>${p.email && p.name ? html`<small>${p.email}</small>` : ''}</span></span>
      <span class="row"><small>${t('team.since')} <${Time} at=${p.joined} /></small>${admin ? html`<select aria-label=${t('team.roleof', { name: p.name || p.email })} value=${p.role} onChange=${(/** @type {any} */ e) => change(() => asked(pb.collection('members').update(p.id, { role: e.target.value })))}>${roles.map(r => html`<option key=${r} value=${r} selected=${r === p.role}>${t(`role.${r}`)}</option>`)}</select>
        <${Button} small icon="close" label=${t('team.removeof', { name: p.name || p.email })} onClick=${() => setPanel({ kind: 'remove', person: p })} />` : html`<${Chip}>${t(`role.${p.role}`)}<//>`}</span></li>`)}</ul>
    <dl class="fact-list roles">${roles.map(r => html`<div key=${r}><dt>${t(`role.${r}`)}</dt><dd>${t(`role.${r}.may`)}</dd></div>`)}</dl>
    ${panel?.kind === 'invite' && html`<${Invite} onClose=${() => { setPanel(null); read(); }} />`}
    ${panel?.kind === 'remove' && html`<${Dialog} title=${t('team.remove')} onClose=${() => setPanel(null)}><p>${t('team.remove.text', { name: panel.person.name || panel.person.email })}</p><div class="row"><${Button} look="danger" onClick=${() => change(() => asked(pb.collection('members').delete(panel.person.id)))}>${t('team.remove')}<//><${Button} onClick=${() => setPanel(null)}>${t('cancel')}<//></div><//>`}
  </section>`;
}

/** @param {{onClose: () => void}} props */
function Invite({ onClose }) {
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const send = async (/** @type {any} */ e) => {
    e.preventDefault();
    setProblem(null);
    try {
      setAnswer(await call(`/api/projects/${projectId.value}/invite`, { method: 'POST', body: Object.fromEntries(new FormData(e.target)) }));
    } catch (err) {
      setProblem(err);
    }
  };
  const wrong = (/** @type {string} */ field) => problem?.field === field ? problem.message : '';
  return html`<${Dialog} title=${t('team.invite')} onClose=${onClose}>${answer ? html`
      <p>${t(answer.mailed ? 'team.mailed' : answer.new ? 'team.made' : 'team.added')}</p>${answer.link && html`<${Copyable} label=${t('team.link')} value=${answer.link} /><${Banner}>${t('team.link.note')}<//>`}<div class="row"><${Button} look="main" onClick=${onClose}>${t('plugins.done')}<//></div>`
    : html`<form class="stack" onSubmit=${send}><${Field} label=${t('login.email')} name="email" type="email" required autofocus autocomplete="off" problem=${wrong('email')} /><${Field} label=${t('team.name')} name="name" maxlength="120" autocomplete="off" />
      <${Field} label=${t('team.role')} name="role" value="triager" options=${roles.map(r => ({ value: r, label: `${t(`role.${r}`)}: ${t(`role.${r}.may`)}` }))} problem=${wrong('role')} />
      ${problem && !problem.field && html`<p class="problem" role="alert">${problem.message}</p>`}<div class="row"><${Button} type="submit" look="main">${t('team.invite')}<//></div></form>`}<//>`;
}

// @ts-check
// What is typed into the search: sev:high src:discord class:bug label:crash
// is:held -class:feature "exact words". It becomes a filter whose values are
// named parameters; nothing typed is ever part of its text.

/** @typedef {{name: string, value: string, not: boolean}} Term name is '' for words */

const names = ['is', 'sev', 'class', 'src', 'label', 'engine'];
const values = {
  is: ['pending', 'held', 'questions', 'auto', 'snoozed', 'noise', 'decided', 'approved', 'filed', 'closed', 'declined', 'degraded', 'regression'],
  sev: ['critical', 'high', 'medium', 'low'],
  class: ['bug', 'feature', 'question', 'noise'],
};

/**
 * @param {string} text
 * @returns {Term[]}
 */
export function parse(text) {
  /** @type {Term[]} */
  const terms = [];
  for (const m of text.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi)) {
    const name = (m[2] ?? '').toLowerCase();
    const value = m[3] ?? m[4] ?? '';
    if (value === '') continue;
    if (names.includes(name)) terms.push({ name, value, not: m[1] === '-' });
    else terms.push({ name: '', value: m[2] ? `${m[2]}:${value}` : value, not: m[1] === '-' });
  }
  return terms.slice(0, 20);
}

/**
 * The tab that the terms ask for, if any.
 * @param {Term[]} terms
 */
export function tabAsked(terms) {
  const is = terms.find(x => x.name === 'is' && !x.not)?.value.toLowerCase() ?? '';
  if (['approved', 'filed', 'closed', 'declined'].includes(is)) return 'decided';
  return values.is.indexOf(is) >= 0 && !['degraded', 'regression'].includes(is) ? is : null;
}

/**
 * @param {Term[]} terms
 * @param {'issues' | 'feedback' | 'decisions'} of
 * @returns {{filter: string, params: Record<string, string | number>, unknown: Term[]}}
 */
export function toFilter(terms, of) {
  /** @type {string[]} */
  const parts = [];
  /** @type {Record<string, string | number>} */
  const params = {};
  /** @type {Term[]} */
  const unknown = [];
  terms.forEach((term, i) => {
    const p = `q${i}`;
    const text = part(term, of, p);
    if (text === null) {
      unknown.push(term);
      return;
    }
    if (text === '') return;
    params[p] = term.name === 'label' ? JSON.stringify(term.value) : term.name === '' ? term.value : term.value.toLowerCase();
    const number = Number(term.value.replace(/^#/, ''));
    if (text.includes(`{:${p}n}`)) params[`${p}n`] = Number.isSafeInteger(number) ? number : -1;
    parts.push(`(${text})`);
  });
  return { filter: parts.join(' && '), params, unknown };
}

/**
 * The filter of one term; '' when the tab says it already, null when it means
 * nothing here.
 * @param {Term} term
 * @param {'issues' | 'feedback' | 'decisions'} of
 * @param {string} p its parameter
 * @returns {string | null}
 */
function part({ name, value, not }, of, p) {
  const v = value.toLowerCase();
  const is = not ? '!=' : '=';
  const known = /** @type {Record<string, string[]>} */ (values)[name];
  if (known && !known.includes(v)) return null;
  if (of === 'decisions') return name === 'is' && v === 'auto' ? '' : null;
  switch (name) {
    case 'is':
      if (v === 'degraded') return of === 'feedback' ? `degraded ${is} true` : null;
      if (v === 'regression') return of === 'issues' ? `regression_of ${not ? '=' : '!='} ""` : null;
      return ['approved', 'filed', 'closed', 'declined'].includes(v) && of === 'issues' ? `state ${is} {:${p}}` : not ? null : '';
    case 'sev': return `severity ${is} {:${p}}`;
    case 'class': return `class ${is} {:${p}}`;
    case 'src': return of === 'feedback' ? `source ${is} {:${p}}` : `feedback_via_issue.source ?${is} {:${p}}`;
    case 'engine': return of === 'feedback' ? `engine ${is} {:${p}}` : `feedback_via_issue.engine ?${is} {:${p}}`;
    case 'label': return of === 'issues' ? `labels ${not ? '!~' : '~'} {:${p}}` : null;
  }
  if (of === 'feedback') return not ? `content !~ {:${p}} && title !~ {:${p}}` : `content ~ {:${p}} || title ~ {:${p}} || subject ~ {:${p}}`;
  if (not) return `title !~ {:${p}}`;
  return /^#?\d+$/.test(value) ? `number = {:${p}n} || title ~ {:${p}}` : `title ~ {:${p}} || observed ~ {:${p}}`;
}

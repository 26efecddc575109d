// @ts-check
import { asked, one, pb } from '../../api.js';
import { t } from '../../i18n.js';
import { projectId, projects } from '../../store.js';
import { say, sayProblem } from '../../ui/index.js';

/**
 * Changes some of the project's settings; the others stay as they are on the
 * server now, whoever changed them.
 * @param {Record<string, any>} changes
 * @param {Record<string, any>} [fields] of the project beside its settings
 * @returns {Promise<boolean>}
 */
export async function saveSettings(changes, fields = {}) {
  const id = projectId.value;
  try {
    const now = await one('projects', id);
    const settings = { ...(now?.settings ?? {}), ...changes };
    const saved = await asked(pb.collection('projects').update(id, { ...fields, settings }));
    projects.value = (projects.value ?? []).map(p => p.id === id ? { ...p, ...saved, role: p.role } : p);
    say(t('saved'));
    return true;
  } catch (err) {
    sayProblem(err);
    return false;
  }
}

/** One entry a line. @param {string} text */
export const lines = text => [...new Set(text.split('\n').map(x => x.trim()).filter(Boolean))];

import { countConfigErrors } from '../deployment.ts';
import type { Report } from './report.ts';

/** One line per error, and their number. */
export function textReport({ projects, systems, errors }: Report): string {
  const all = [...errors, ...systems.flatMap((system) => system.errors)];
  const last = all.length === 0 ? `no config errors in ${projects.join(', ')}` : countConfigErrors(all);
  return [...all.map(({ path, message }) => `${path}: ${message}`), last, ''].join('\n');
}

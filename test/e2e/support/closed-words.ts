import { STATUSES, OUTCOMES, STEPS, SUBJECT_KINDS } from '../../../domain/vocabulary.ts';

/** The only things that may pass between Lethe's processes: ids, counts, closed words, timestamps, and sentences of ours. */
const WORDS = new Set<string>([
  ...STATUSES,
  ...OUTCOMES,
  ...STEPS,
  ...SUBJECT_KINDS,
  'demo',
  'app',
  'deletion',
  'coverage_broken',
  'delete',
  'verify',
  'ended',
  'verified',
  'resolved',
  // Of no system, and what Temporal itself writes down.
  '',
  'unversioned',
  'lethe-housekeeping',
]);
const SHAPES = [
  /^(req|sup|hold)_[0-9a-f]{32}$/,
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$/,
  /^Deletion · [\d,]+ subjects? · due \d{4}-\d\d-\d\d$/,
  /^batch \d+ in app$/,
  /^until the next (delete|verify)$/,
  /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
  /^unversioned:@temporalio\/worker@[\d.]+\+[0-9a-f]{64}$/,
  /^(work that is under way|the release of a legal hold|an operator)$/,
];
const NAME = /^[a-z][A-Za-z]*$/;

/** Where a value is not of these. */
export function strangers(value: unknown, path = ''): string[] {
  if (value === null || ['number', 'boolean'].includes(typeof value)) return [];
  if (typeof value === 'string')
    return WORDS.has(value) || SHAPES.some((shape) => shape.test(value)) ? [] : [`${path}: ${value}`];
  if (typeof value !== 'object') return [`${path}: ${typeof value}`];
  return Object.entries(value ?? {}).flatMap(([name, inner]) => [
    ...(Array.isArray(value) || NAME.test(name) ? [] : [`${path}: a member called ${name}`]),
    ...strangers(inner, `${path}.${name}`),
  ]);
}

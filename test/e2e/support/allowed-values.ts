import { STATUSES, OUTCOMES, STEPS, SUBJECT_KINDS } from '../../../domain/vocabulary.ts';

/** The only values that Temporal may store: IDs, counts, words from closed lists, timestamps and fixed sentences. */
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
  // No system, and values that Temporal itself stores.
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

/** Returns the path and the text of each value that is not allowed. */
export function unexpectedValues(value: unknown, path = ''): string[] {
  if (value === null || ['number', 'boolean'].includes(typeof value)) return [];
  if (typeof value === 'string')
    return WORDS.has(value) || SHAPES.some((shape) => shape.test(value)) ? [] : [`${path}: ${value}`];
  if (typeof value !== 'object') return [`${path}: ${typeof value}`];
  return Object.entries(value ?? {}).flatMap(([name, inner]) => [
    ...(Array.isArray(value) || NAME.test(name) ? [] : [`${path}: a field named ${name}`]),
    ...unexpectedValues(inner, `${path}.${name}`),
  ]);
}

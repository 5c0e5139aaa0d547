import { ATTENTION_CODES, STATUSES, OUTCOMES, STEPS, SUBJECT_KINDS } from '../../../domain/vocabulary.ts';

/** The only values that Temporal may store: IDs, counts, words from closed lists, timestamps and fixed sentences. */
const WORDS = new Set<string>([
  ...STATUSES,
  ...OUTCOMES,
  ...STEPS,
  ...SUBJECT_KINDS,
  ...ATTENTION_CODES,
  'demo',
  'app',
  'deletion',
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
  /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
  /^unversioned:@temporalio\/worker@[\d.]+\+[0-9a-f]{64}$/,
];
/** Summaries of activities, timers, children and starts. */
const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC`;
const STEP = String.raw`(resolve|search|claim|conclude|visibility in app|batch \d+ in app)`;
const SUMMARIES = [
  'Read the request',
  'Read the rows and determine the next steps',
  'Check that every system of the request is configured',
  'Claim the due subjects: the point of no return',
  'Record which unknown identities have data',
  'Write the receipt and purge the identities',
  'Read which systems lack the suppression',
  'Record that every system has the suppression',
  'Suppression to place or lift in every system',
  String.raw`Starts? missing workflows and repeats? lost signals`,
  String.raw`(Resolve the subjects in|Inspect permissions and data map of|Hide and restore subjects in|Place the suppressions of the deleted subjects in|Purge the identities of finished subjects in) app`,
  String.raw`Search app for identities that the directory does not know`,
  'Store the suppressions of the deleted subjects',
  'Purge the identities of finished subjects',
  String.raw`Remove what app keeps for the request`,
  String.raw`Place or lift the suppression in app`,
  String.raw`Read the next step of batch \d+ in app`,
  String.raw`(Delete|Verify that) batch \d+ (is deleted )?from app`,
  String.raw`Raise attention for app and defer (batch \d+|the step [a-z]+)`,
  String.raw`Delete [\d,]+ subjects? from app \(batch \d+\)`,
  'Deletes the rows, verifies, and verifies again after the settle period.',
  'Outage of app in demo',
  'Probe app, whose calls fail',
  `Next probe at ${TIME}`,
  'Pause of 10 seconds before the child workflow is started again',
  `Verification at ${TIME}, after the settle period or when the system has acted`,
].map((summary) => new RegExp(`^${summary}$`));
/** What a request waits for; the parts are joined by ` · `. */
const WAITS = [
  `Steps in progress: ${STEP}(, ${STEP}){0,2}( and \\d+ more)?`,
  `(Grace period until|Next run at) ${TIME}; can be cancelled until then`,
  String.raw`Release of a legal hold \([\d,]+ subjects?\)`,
  String.raw`Another request that owns [\d,]+ subjects?`,
  `Operator action, see attention(; next automatic retry at ${TIME})?`,
  'System app, which (does not answer|refuses every call)',
  'System app, whose data map does not match its schema',
  'A change of the request',
].map((wait) => new RegExp(`^${wait}$`));

const isClosed = (value: string): boolean =>
  WORDS.has(value) ||
  [...SHAPES, ...SUMMARIES].some((shape) => shape.test(value)) ||
  value.split(' · ').every((part) => WAITS.some((wait) => wait.test(part)));
const NAME = /^[a-z][A-Za-z]*$/;

/** Returns the path and the text of each value that is not allowed. */
export function unexpectedValues(value: unknown, path = ''): string[] {
  if (value === null || ['number', 'boolean'].includes(typeof value)) return [];
  if (typeof value === 'string') return isClosed(value) ? [] : [`${path}: ${value}`];
  if (typeof value !== 'object') return [`${path}: ${typeof value}`];
  return Object.entries(value ?? {}).flatMap(([name, inner]) => [
    ...(Array.isArray(value) || NAME.test(name) ? [] : [`${path}: a field named ${name}`]),
    ...unexpectedValues(inner, `${path}.${name}`),
  ]);
}

import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { loadDeployment, readDeployment } from '../../config/deployment.ts';
import { describeSystems, drawBoard, type Facts } from '../../dev/demo/systems/board.ts';
import { compareSystems, SystemsReceipt, type Truth } from '../../dev/demo/systems/proof.ts';

const UNCHANGED = { removed: 0, requested: null, retained: [], detached: 0, anonymised: { rows: 0, columns: [] } };
const said = (level: string) => ({ level, read: [], attested: [], saidAt: null });
const other = (system: string, level: string) => ({
  system,
  verifiedAt: null,
  survivors: null,
  proof: said(level),
  tables: [{ ...UNCHANGED, table: 'users', removed: null, requested: 2 }],
});

const receipt = (changes: { survivors?: number; without?: string } = {}): SystemsReceipt =>
  SystemsReceipt.parse({
    status: 'completed',
    outcomes: { deleted: 2 },
    systems: [
      other('userpilot', 'none'),
      other('partner', 'person'),
      other('mixpanel', 'attested'),
      {
        system: 'app',
        verifiedAt: '2026-01-01T00:00:00.000Z',
        survivors: changes.survivors ?? 0,
        proof: said('read'),
        tables: [{ ...UNCHANGED, table: 'app.users', removed: 2 }],
      },
    ].filter(({ system }) => system !== changes.without),
  });

const all = ['u-1', 'u-2', 'u-3', 'u-4'];
const rest = ['u-3', 'u-4'];
const held = (ids: readonly string[]) => {
  return { mixpanel: new Set(ids), userpilot: new Set(ids), partner: new Set(ids) };
};
const truth: Truth = {
  userIds: ['u-1', 'u-2'],
  seeded: { 'app.users': 2 },
  remaining: {},
  before: held(all),
  after: held(rest),
  isPartnerUnknown: false,
};

test('shows what each system of the demo was asked, what it removed, what is left, and the proof', () => {
  const { lines, equal } = compareSystems(receipt(), truth);
  expect(equal).toBe(true);
  expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['system', 'asked', 'removed', 'left', 'proof', 'what the system holds'],
    ['app', '2', '2', '0', 'read by Lethe', '0 of their rows'],
    ['mixpanel', '2', 'unknown', 'not read', 'attested by mixpanel', '0 of them, all 2 others'],
    ['userpilot', '2', 'unknown', 'not read', 'none', '0 of them, all 2 others'],
    ['partner', '2', 'unknown', 'not read', 'attested by a person', '0 of them, all 2 others'],
  ]);
});

test.each([
  [
    'a person of the request is still in Mixpanel',
    receipt(),
    { after: { ...held(rest), mixpanel: new Set(['u-2', ...rest]) } },
  ],
  ['Userpilot has lost another person', receipt(), { after: { ...held(rest), userpilot: new Set(['u-3']) } }],
  ['a person of the request is still at the partner', receipt(), { after: { ...held(rest), partner: new Set(all) } }],
  ['a row is still in the database', receipt(), { remaining: { 'app.events': 1 } }],
  ['the receipt has survivors', receipt({ survivors: 1 }), {}],
  ['the receipt has no figures for a seeded table', receipt(), { seeded: { 'app.users': 2, 'app.orders': 1 } }],
  ['a system is not in the receipt', receipt({ without: 'userpilot' }), {}],
  ['the database is not in the receipt', receipt({ without: 'app' }), {}],
])('does not find the receipt right when %s', (_, received, changes) => {
  const { equal, lines } = compareSystems(received, { ...truth, ...changes });
  expect(equal).toBe(false);
  expect(lines.at(-1)).toContain('differs: ');
});

test('takes the word of a viewer who did the task for the person', () => {
  const after = { ...held(rest), partner: new Set(all) };
  expect(compareSystems(receipt(), { ...truth, after, isPartnerUnknown: true }).equal).toBe(true);
});

const FACTS: Facts = {
  mixpanelTask: 'STAGING',
  userpilot: { now: new Date('2026-01-01T23:40:00Z'), isRunDue: true },
  task: { dueAt: '2026-01-06T00:00:00.000Z', answerInMs: 14_300 },
};
const batch = (system: string, state: string, removed: number | null) => ({
  system,
  state,
  removed,
  subjects: 3,
  finished: 0,
});
const BATCHES = [
  batch('app', 'verifying', 70),
  batch('mixpanel', 'deleting', 0),
  batch('userpilot', 'unverified', null),
  batch('partner', 'deleting', 0),
];

test('says what each system of the demo waits for', () => {
  const rows = describeSystems({ batches: BATCHES, live: { waitingFor: null, activities: [] } }, FACTS);
  expect(rows.map(({ system, state, waitsFor, momentary }) => [system, state, waitsFor, momentary])).toEqual([
    ['app', 'verifying (70 rows)', 'the settle period, then the last search', ''],
    ['mixpanel', 'deleting', 'the task in Mixpanel, which is STAGING', ''],
    ['userpilot', 'asked, no proof', 'its run at 02:00, which it does not report', 'now 23:40'],
    ['partner', 'deleting', 'a person, until 2026-01-06', 'the demo answers in 15 s'],
  ]);
});

test('draws the board of the systems within 100 columns and cuts it in a narrower terminal', () => {
  const rows = describeSystems({ batches: BATCHES, live: null }, FACTS);
  const widths = (columns: number) => drawBoard(rows, columns).map((line) => stripVTControlCharacters(line).length);
  expect(Math.max(...widths(200))).toBeLessThanOrEqual(99);
  for (const width of widths(60)) expect(width).toBeLessThanOrEqual(60);
});

test('reads the configuration of the demo with all systems, each with another level of proof', async () => {
  const { catalog } = readDeployment(await loadDeployment('dev/demo/systems.config.ts'));
  const levels = catalog.get('demo')?.systems.map(({ name, verification }) => [name, verification]);
  expect(Object.fromEntries(levels ?? [])).toEqual({
    app: 'reads',
    mixpanel: 'attested',
    userpilot: 'none',
    partner: 'person',
  });
});

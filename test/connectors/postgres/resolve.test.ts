import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Resolved } from '../../../connectors/connector.ts';
import type { PostgresSettings } from '../../../connectors/postgres/settings.ts';
import {
  type Fixture,
  SETTINGS,
  USER,
  batchOf,
  byIdentities,
  fixture,
  matchesOf,
  requestId,
  resolveAll,
  user,
  testContext,
} from '../fixture.ts';
import { inspectErrors } from '../inspect-errors.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(30);
});
afterEach(() => db.close());

const identitiesOf = (facts: readonly Resolved[], key: string): string[] =>
  facts
    .flatMap((fact) =>
      fact.fact === 'identity' && fact.key.value[0] === key
        ? [
            `${fact.identity.type} ${fact.identity.value.join('|')}${fact.sharers > 0 ? ` shared with ${fact.sharers}` : ''}`,
          ]
        : [],
    )
    .toSorted();

test('resolves an identity of each type to its subject and lists the other identities of the subject', async () => {
  const facts = await resolveAll(
    db.connector(),
    byIdentities(
      { type: 'user_id', value: ['u-1'] },
      { type: 'email', value: ['user2@x.test', 'berlin'] },
      { type: 'alias', value: ['a-3'] },
      { type: 'ext', value: ['not a uuid'] },
      { type: 'user_id', value: ['unknown'] },
    ),
  );
  expect(matchesOf(facts)).toEqual(['0 u-1', '1 u-2', '2 u-3']);
  const [ext] = await db.sql<{ ext: string }[]>`SELECT ext::text FROM app.users WHERE user_id = 'u-1'`;
  expect(identitiesOf(facts, 'u-1')).toEqual(['alias a-1', 'email user1@x.test|berlin', `ext ${ext?.ext}`]);
});

test('follows aliases through chains and cycles to all their subjects, in both directions', async () => {
  await db.sql`INSERT INTO app.aliases VALUES ('c-3', 'c-2'), ('c-2', 'c-1'), ('c-1', 'u-1'), ('c-1', 'u-2'), ('c-1', 'c-3'), ('c-0', 'c-0')`;
  const facts = await resolveAll(
    db.connector(),
    byIdentities({ type: 'alias', value: ['c-3'] }, { type: 'alias', value: ['c-0'] }),
  );
  expect(matchesOf(facts)).toEqual(['0 u-1', '0 u-2']);
  expect(identitiesOf(facts, 'u-1').filter((name) => name.startsWith('alias c'))).toEqual([
    'alias c-1 shared with 1',
    'alias c-2 shared with 1',
    'alias c-3 shared with 1',
  ]);
});

test('follows a chain of a hundred aliases to its end', async () => {
  await db.sql`INSERT INTO app.aliases SELECT 'l-' || n, CASE n WHEN 1 THEN 'u-1' ELSE 'l-' || n - 1 END FROM generate_series(1, 100) n`;
  const facts = await resolveAll(db.connector(), byIdentities({ type: 'alias', value: ['l-100'] }));
  expect(matchesOf(facts)).toEqual(['0 u-1']);
  expect(identitiesOf(facts, 'u-1')).toContain('alias l-57');
});

test('does not follow aliases from one subject to another', async () => {
  await db.sql`INSERT INTO app.aliases VALUES ('u-5', 'u-6'), ('before', 'u-5')`;
  const facts = await resolveAll(
    db.connector(),
    byIdentities({ type: 'user_id', value: ['u-6'] }, { type: 'alias', value: ['before'] }),
  );
  expect(matchesOf(facts)).toEqual(['0 u-6', '1 u-5']);
  expect(identitiesOf(facts, 'u-6')).not.toContain('alias u-5');
  expect(identitiesOf(facts, 'u-6')).not.toContain('alias before');
});

test('matches an email of two subjects with both and reports the number of sharers', async () => {
  await db.sql`UPDATE app.users SET email = 'USER1@x.test' WHERE user_id = 'u-2'`;
  const facts = await resolveAll(db.connector(), byIdentities({ type: 'email', value: ['user1@x.test', 'berlin'] }));
  expect(matchesOf(facts)).toEqual(['0 u-1', '0 u-2']);
  expect(identitiesOf(facts, 'u-2')).toContain('email user1@x.test|berlin shared with 1');
});

test('counts the sharers of a common identity up to the number of subjects', async () => {
  await db.sql`UPDATE app.users SET email = CASE WHEN user_id = 'u-7' THEN 'ALL' ELSE 'all' END || '@x.test'`;
  await db.sql`INSERT INTO app.aliases SELECT 'household', 'u-' || n FROM generate_series(1, 30) n`;
  const sharersOf = async (count: number, page = 1_000) => {
    const ids = Array.from({ length: count }, (_, n) => ({ type: 'user_id', value: [`u-${n + 1}`] }));
    const facts = await resolveAll(db.connector({ pageSize: page }), byIdentities(...ids));
    const shared = facts.flatMap((fact) => (fact.fact === 'identity' && fact.sharers > 0 ? [fact] : []));
    return ['email', 'alias'].map((type) => {
      const sharers = shared.filter(({ identity }) => identity.type === type).map((fact) => fact.sharers);
      expect(sharers).toHaveLength(count);
      return [...new Set(sharers)];
    });
  };
  for (const page of [4, 1_000]) {
    expect(await sharersOf(30, page)).toEqual([[29], [29]]);
    expect(await sharersOf(29, page)).toEqual([[29], [29]]);
    // More sharers than subjects are counted only up to the number of subjects.
    const [emails, aliases] = await sharersOf(12, page);
    expect(emails).toEqual([12]);
    expect(aliases).toEqual([29]);
  }
});

test('does not list invalid values and incomplete composite values as identities', async () => {
  await db.sql`UPDATE app.users SET email = '' WHERE user_id = 'u-1'`;
  await db.sql`UPDATE app.users SET unit = NULL WHERE user_id = 'u-2'`;
  const facts = await resolveAll(
    db.connector(),
    byIdentities({ type: 'user_id', value: ['u-1'] }, { type: 'user_id', value: ['u-2'] }),
  );
  for (const key of ['u-1', 'u-2'])
    expect(identitiesOf(facts, key).filter((name) => name.startsWith('email'))).toEqual([]);
});

test('excludes hidden subjects from a segment and from everyone, but not when they are selected by identity', async () => {
  const connector = db.connector();
  await connector.setVisibility?.(
    batchOf([user(1)], { batch: 'g1' }),
    { hidden: true, generation: 1, at: new Date() },
    testContext(),
  );
  const matchesBy = async (by: { by: 'segment'; segment: string } | { by: 'everyone' }) =>
    matchesOf(await resolveAll(connector, { requestId: requestId(), kind: 'user', ...by }));
  expect(await matchesBy({ by: 'segment', segment: 'odd' })).toHaveLength(14);
  expect(await matchesBy({ by: 'segment', segment: 'odd' })).not.toContain('null u-1');
  expect(await matchesBy({ by: 'everyone' })).toHaveLength(29);
  expect(matchesOf(await resolveAll(connector, byIdentities(...user(1))))).toEqual(['0 u-1', '1 u-1', '2 u-1']);
});

describe('a segment', () => {
  const LISTED: PostgresSettings = {
    ...SETTINGS,
    segments: {
      table: 'app.segment_members',
      segment: 'segment',
      subject: 'user_id',
      list: { table: 'app.segments', segment: 'name' },
    },
  };
  const membersOf = async (segment: string, settings = SETTINGS) =>
    matchesOf(
      await resolveAll(db.connector({}, settings), { requestId: requestId(), kind: 'user', by: 'segment', segment }),
    );
  const unknown = { name: 'ConnectorError', code: 'unknown_segment', retryable: false };

  test('is unknown without members, and is not taken as an empty one', async () => {
    for (const segment of ['none', 'Odd', ' odd', "odd' OR true --"])
      await expect(membersOf(segment)).rejects.toMatchObject(unknown);
    await expect(membersOf('canary-segment')).rejects.not.toThrow('canary');
    expect(await membersOf('odd')).toHaveLength(15);
  });

  test('exists when all its members are hidden or no longer there', async () => {
    await db.sql`INSERT INTO app.segment_members VALUES ('hidden', 'u-1'), ('gone', 'u-999')`;
    await db.sql`UPDATE app.users SET deleted_at = now() WHERE user_id = 'u-1'`;
    expect(await membersOf('hidden')).toEqual([]);
    expect(await membersOf('gone')).toEqual([]);
  });

  test('exists without members when the data map has a table that lists segments', async () => {
    await db.sql.unsafe(`CREATE TABLE app.segments (name text PRIMARY KEY); INSERT INTO app.segments VALUES ('empty')`);
    expect(await membersOf('empty', LISTED)).toEqual([]);
    expect(await membersOf('odd', LISTED)).toHaveLength(15);
    await expect(membersOf('none', LISTED)).rejects.toMatchObject(unknown);
    await expect(membersOf('empty')).rejects.toMatchObject(unknown);
  });

  test('is listed by a table that inspect() checks', async () => {
    expect(await inspectErrors(db, '', LISTED)).toEqual([
      expect.stringMatching(/^segments\.list\.table: .*app\.segments/),
    ]);
    expect(await inspectErrors(db, 'CREATE TABLE app.segments (title text)', LISTED)).toEqual([
      expect.stringMatching(/^segments\.list\.segment: /),
    ]);
    expect(await inspectErrors(db, 'ALTER TABLE app.segments RENAME title TO name', LISTED)).toEqual([]);
  });
});

test('excludes hidden subjects by their tombstones when the kind has no soft-delete column', async () => {
  const { softDelete: _, ...withoutSoftDelete } = USER;
  const settings: PostgresSettings = { ...SETTINGS, kinds: { ...SETTINGS.kinds, user: withoutSoftDelete } };
  const connector = db.connector({}, settings);
  await connector.setVisibility?.(
    batchOf([user(1)], { batch: 'g1' }),
    { hidden: true, generation: 1, at: new Date() },
    testContext(),
  );
  expect(matchesOf(await resolveAll(connector, { requestId: requestId(), kind: 'user', by: 'everyone' }))).toHaveLength(
    29,
  );
  expect((await db.state({ users: 'deleted_at IS NOT NULL' }))['users']).toEqual([]);
});

test('runs a constant number of statements, plus some per page', async () => {
  const countStatements = async (n: number): Promise<number> => {
    db.statements.length = 0;
    await resolveAll(
      db.connector({ pageSize: 10 }),
      byIdentities(...Array.from({ length: n }, (_, i) => ({ type: 'user_id', value: [`u-${i + 1}`] }))),
    );
    return db.statements.length;
  };
  const [five, ten, twenty, thirty] = [
    await countStatements(5),
    await countStatements(10),
    await countStatements(20),
    await countStatements(30),
  ];
  expect(ten).toBe(five);
  expect(thirty - twenty).toBe(twenty - ten);
  expect(twenty - ten).toBeLessThanOrEqual(5);
});

test('yields every match and identity once across pages', async () => {
  await db.sql`INSERT INTO app.aliases SELECT 'shared by all', 'u-' || n FROM generate_series(1, 30) n`;
  const connector = db.connector({ pageSize: 4 });
  const selection = byIdentities({ type: 'alias', value: ['shared by all'] }, { type: 'user_id', value: ['u-1'] });
  const pages: (readonly Resolved[])[] = [];
  if (connector.resolve === undefined) throw new Error('this connector has no resolve verb');
  for await (const page of connector.resolve(selection, testContext())) pages.push(page);
  expect(matchesOf(pages.flat())).toHaveLength(31);
  expect(new Set(matchesOf(pages.flat())).size).toBe(31);
  const addresses = pages.flat().filter((fact) => fact.fact === 'identity' && fact.identity.type === 'email');
  expect(addresses).toHaveLength(30);
});

test('removes its rows from the batch table, also when its reader stops', async () => {
  const connector = db.connector({ pageSize: 2 });
  await resolveAll(connector, byIdentities(...user(1)));
  if (connector.resolve === undefined) throw new Error('this connector has no resolve verb');
  for await (const _ of connector.resolve({ requestId: requestId(), kind: 'user', by: 'everyone' }, testContext()))
    break;
  const reader = async (): Promise<void> => {
    if (connector.resolve === undefined) return;
    for await (const _ of connector.resolve(byIdentities(...user(1)), testContext()))
      throw new Error('the ledger is unavailable');
  };
  await expect(reader()).rejects.toThrow('the ledger is unavailable');
  expect([...(await db.sql`SELECT FROM lethe_system.batch`)]).toEqual([]);
});

test('rethrows an error of the submitted pages unchanged', async () => {
  const failure = Object.assign(new Error('the ledger is unavailable'), { code: '57P01' });
  const selection = {
    ...byIdentities(),
    identities: async function* () {
      yield [];
      throw failure;
    },
  };
  await expect(resolveAll(db.connector(), selection)).rejects.toBe(failure);
});

test.each([
  "O'Neil",
  'back\\slash',
  'tab\there',
  'new\nline',
  '{a,b}',
  '"quoted"',
  'NULL',
  '\\N',
  'ß 😀 é',
  'a, b',
  '$1',
  '%s',
])('copies the value %j unchanged', async (value) => {
  await db.sql`INSERT INTO app.aliases VALUES (${value}, 'u-7')`;
  expect(matchesOf(await resolveAll(db.connector(), byIdentities({ type: 'alias', value: [value] })))).toEqual([
    '0 u-7',
  ]);
});

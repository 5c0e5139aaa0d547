import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Resolved } from '../../../connectors/connector.ts';
import type { PostgresSettings } from '../../../connectors/postgres/data-map/data-map.ts';
import {
  type Fixture,
  SETTINGS,
  batchOf,
  byIdentities,
  fixture,
  matchesOf,
  requestId,
  resolveAll,
  user,
  testContext,
} from '../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(30);
});
afterEach(() => db.close());

const named = (facts: readonly Resolved[], key: string): string[] =>
  facts
    .flatMap((fact) =>
      fact.fact === 'identity' && fact.key.value[0] === key
        ? [
            `${fact.identity.type} ${fact.identity.value.join('|')}${fact.sharers > 0 ? ` shared with ${fact.sharers}` : ''}`,
          ]
        : [],
    )
    .toSorted();

test('an identity of each type leads to its subject, and the subject to everything that it is called besides', async () => {
  const facts = await resolveAll(
    db.connector(),
    byIdentities(
      { type: 'user_id', value: ['u-1'] },
      { type: 'email', value: ['user2@x.test', 'berlin'] },
      { type: 'alias', value: ['a-3'] },
      { type: 'ext', value: ['not a uuid'] },
      { type: 'user_id', value: ['nobody'] },
    ),
  );
  expect(matchesOf(facts)).toEqual(['0 u-1', '1 u-2', '2 u-3']);
  const [ext] = await db.sql<{ ext: string }[]>`SELECT ext::text FROM app.users WHERE user_id = 'u-1'`;
  expect(named(facts, 'u-1')).toEqual(['alias a-1', 'email user1@x.test|berlin', `ext ${ext?.ext}`]);
});

test('aliases are followed through chains and cycles, in both directions, to all of their subjects', async () => {
  await db.sql`INSERT INTO app.aliases VALUES ('c-3', 'c-2'), ('c-2', 'c-1'), ('c-1', 'u-1'), ('c-1', 'u-2'), ('c-1', 'c-3'), ('c-0', 'c-0')`;
  const facts = await resolveAll(
    db.connector(),
    byIdentities({ type: 'alias', value: ['c-3'] }, { type: 'alias', value: ['c-0'] }),
  );
  expect(matchesOf(facts)).toEqual(['0 u-1', '0 u-2']);
  expect(named(facts, 'u-1').filter((name) => name.startsWith('alias c'))).toEqual([
    'alias c-1 shared with 1',
    'alias c-2 shared with 1',
    'alias c-3 shared with 1',
  ]);
});

test('a chain of a hundred links is followed to its end', async () => {
  await db.sql`INSERT INTO app.aliases SELECT 'l-' || n, CASE n WHEN 1 THEN 'u-1' ELSE 'l-' || n - 1 END FROM generate_series(1, 100) n`;
  const facts = await resolveAll(db.connector(), byIdentities({ type: 'alias', value: ['l-100'] }));
  expect(matchesOf(facts)).toEqual(['0 u-1']);
  expect(named(facts, 'u-1')).toContain('alias l-57');
});

test('nothing goes on from one subject to another: a subject that is also an alias is not pulled in', async () => {
  await db.sql`INSERT INTO app.aliases VALUES ('u-5', 'u-6'), ('before', 'u-5')`;
  const facts = await resolveAll(
    db.connector(),
    byIdentities({ type: 'user_id', value: ['u-6'] }, { type: 'alias', value: ['before'] }),
  );
  expect(matchesOf(facts)).toEqual(['0 u-6', '1 u-5']);
  expect(named(facts, 'u-6')).not.toContain('alias u-5');
  expect(named(facts, 'u-6')).not.toContain('alias before');
});

test('an e-mail of two people is told as both; each is told with how many it is shared', async () => {
  await db.sql`UPDATE app.users SET email = 'USER1@x.test' WHERE user_id = 'u-2'`;
  const facts = await resolveAll(db.connector(), byIdentities({ type: 'email', value: ['user1@x.test', 'berlin'] }));
  expect(matchesOf(facts)).toEqual(['0 u-1', '0 u-2']);
  expect(named(facts, 'u-2')).toContain('email user1@x.test|berlin shared with 1');
});

test('a name of everybody is counted once a page, and no further than there are subjects', async () => {
  await db.sql`UPDATE app.users SET email = CASE WHEN user_id = 'u-7' THEN 'ALL' ELSE 'all' END || '@x.test'`;
  await db.sql`INSERT INTO app.aliases SELECT 'household', 'u-' || n FROM generate_series(1, 30) n`;
  const sharersOf = async (count: number, page = 1_000) => {
    const ids = Array.from({ length: count }, (_, n) => ({ type: 'user_id', value: [`u-${n + 1}`] }));
    const facts = await resolveAll(db.connector({ page }), byIdentities(...ids));
    const told = facts.flatMap((fact) => (fact.fact === 'identity' && fact.sharers > 0 ? [fact] : []));
    return ['email', 'alias'].map((type) => {
      const sharers = told.filter(({ identity }) => identity.type === type).map((fact) => fact.sharers);
      expect(sharers).toHaveLength(count);
      return [...new Set(sharers)];
    });
  };
  for (const page of [4, 1_000]) {
    expect(await sharersOf(30, page)).toEqual([[29], [29]]);
    expect(await sharersOf(29, page)).toEqual([[29], [29]]);
    // More than asked about: how many more is of no interest.
    const [emails, aliases] = await sharersOf(12, page);
    expect(emails).toEqual([12]);
    expect(aliases).toEqual([29]);
  }
});

test('what no request could name is not told as an identity', async () => {
  await db.sql`UPDATE app.users SET email = '' WHERE user_id = 'u-1'`;
  await db.sql`UPDATE app.users SET unit = NULL WHERE user_id = 'u-2'`;
  const facts = await resolveAll(
    db.connector(),
    byIdentities({ type: 'user_id', value: ['u-1'] }, { type: 'user_id', value: ['u-2'] }),
  );
  for (const key of ['u-1', 'u-2']) expect(named(facts, key).filter((name) => name.startsWith('email'))).toEqual([]);
});

test('a segment, or everyone, is without those who are hidden; whoever is named is found nevertheless', async () => {
  const connector = db.connector();
  await connector.setVisibility?.(
    batchOf([user(1)], { batch: 'g1' }),
    { hidden: true, generation: 1, at: new Date() },
    testContext(),
  );
  const of = async (by: { by: 'segment'; segment: string } | { by: 'everyone' }) =>
    matchesOf(await resolveAll(connector, { requestId: requestId(), kind: 'user', ...by }));
  expect(await of({ by: 'segment', segment: 'odd' })).toHaveLength(14);
  expect(await of({ by: 'segment', segment: 'odd' })).not.toContain('null u-1');
  expect(await of({ by: 'segment', segment: 'none' })).toEqual([]);
  expect(await of({ by: 'everyone' })).toHaveLength(29);
  expect(matchesOf(await resolveAll(connector, byIdentities(...user(1))))).toEqual(['0 u-1', '1 u-1', '2 u-1']);
});

test('where a kind has no soft-delete column, the tombstones say who is hidden', async () => {
  const user0 = SETTINGS.kinds.user;
  if (user0 === undefined) throw new Error('the fixture maps users');
  const { softDelete: _, ...plain } = user0;
  const settings: PostgresSettings = { ...SETTINGS, kinds: { ...SETTINGS.kinds, user: plain } };
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

test('the same number of statements for few and for many, and a page more for each page', async () => {
  const ask = async (n: number): Promise<number> => {
    db.statements.length = 0;
    await resolveAll(
      db.connector({ page: 10 }),
      byIdentities(...Array.from({ length: n }, (_, i) => ({ type: 'user_id', value: [`u-${i + 1}`] }))),
    );
    return db.statements.length;
  };
  const [five, ten, twenty, thirty] = [await ask(5), await ask(10), await ask(20), await ask(30)];
  expect(ten).toBe(five);
  expect(thirty - twenty).toBe(twenty - ten);
  expect(twenty - ten).toBeLessThanOrEqual(5);
});

test('every match is told once and every page is bounded, whatever the page size', async () => {
  await db.sql`INSERT INTO app.aliases SELECT 'everybody', 'u-' || n FROM generate_series(1, 30) n`;
  const connector = db.connector({ page: 4 });
  const selection = byIdentities({ type: 'alias', value: ['everybody'] }, { type: 'user_id', value: ['u-1'] });
  const pages: (readonly Resolved[])[] = [];
  if (connector.resolve === undefined) throw new Error('this connector resolves');
  for await (const page of connector.resolve(selection, testContext())) pages.push(page);
  expect(matchesOf(pages.flat())).toHaveLength(31);
  expect(new Set(matchesOf(pages.flat())).size).toBe(31);
  const addresses = pages.flat().filter((fact) => fact.fact === 'identity' && fact.identity.type === 'email');
  expect(addresses).toHaveLength(30);
});

test('a resolution leaves nothing behind, also when its reader stops in the middle', async () => {
  const connector = db.connector({ page: 2 });
  await resolveAll(connector, byIdentities(...user(1)));
  if (connector.resolve === undefined) throw new Error('this connector resolves');
  for await (const _ of connector.resolve({ requestId: requestId(), kind: 'user', by: 'everyone' }, testContext()))
    break;
  const reader = async (): Promise<void> => {
    if (connector.resolve === undefined) return;
    for await (const _ of connector.resolve(byIdentities(...user(1)), testContext()))
      throw new Error('the ledger is away');
  };
  await expect(reader()).rejects.toThrow('the ledger is away');
  expect([...(await db.sql`SELECT FROM lethe_system.batch`)]).toEqual([]);
});

test('what the caller’s own pages throw passes through unchanged, and is no failure of this system', async () => {
  const failure = Object.assign(new Error('the ledger is away'), { code: '57P01' });
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
])('COPY carries %j as it is', async (value) => {
  await db.sql`INSERT INTO app.aliases VALUES (${value}, 'u-7')`;
  expect(matchesOf(await resolveAll(db.connector(), byIdentities({ type: 'alias', value: [value] })))).toEqual([
    '0 u-7',
  ]);
});

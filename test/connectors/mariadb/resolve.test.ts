import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Resolved } from '../../../connectors/connector.ts';
import { mariadbUrl } from '../../support/servers/mariadb.ts';
import { batchOf, byIdentities, matchesOf, requestId, resolveAll, testContext } from '../calls.ts';
import { type Fixture, fixture, user } from './fixture.ts';

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

const server = await mariadbUrl();

describe.skipIf(server === null)('a directory in MariaDB', () => {
  let db: Fixture;
  let sql: (text: string) => Promise<unknown>;
  beforeAll(async () => {
    db = await fixture(server ?? '');
    sql = (text) => db.database.sql.query(text);
  });
  beforeEach(async () => {
    await sql(
      `UPDATE users SET email = CONCAT('User', SUBSTR(user_id, 3), '@x.test'), unit = 'berlin', deleted_at = NULL`,
    );
    await sql(`DELETE FROM aliases WHERE alias NOT LIKE 'a-%'`);
  });

  test('resolves an identity of each type in MariaDB to its subject, and lists the other identities', async () => {
    const facts = await resolveAll(
      db.connector(),
      byIdentities(
        { type: 'user_id', value: ['u-1'] },
        { type: 'email', value: ['USER2@x.test', 'Berlin'] },
        { type: 'alias', value: ['a-3'] },
        { type: 'ext', value: ['not a uuid'] },
        { type: 'user_id', value: ['unknown'] },
      ),
    );
    expect(matchesOf(facts)).toEqual(['0 u-1', '1 u-2', '2 u-3']);
    const [row] = await db.database.rows<{ hex: string }>(
      `SELECT LOWER(HEX(ext)) AS hex FROM users WHERE user_id = 'u-1'`,
    );
    const ext = (row?.hex ?? '').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    expect(identitiesOf(facts, 'u-1')).toEqual(['alias a-1', 'email user1@x.test|berlin', `ext ${ext}`]);
    expect(matchesOf(await resolveAll(db.connector(), byIdentities({ type: 'ext', value: [ext] })))).toEqual(['0 u-1']);
  });

  test('follows aliases in MariaDB through chains and cycles to all their subjects, but not through a subject', async () => {
    await sql(`INSERT INTO aliases VALUES ('c-3', 'c-2'), ('c-2', 'c-1'), ('c-1', 'u-1'), ('c-1', 'u-2'), ('c-1', 'c-3'),
      ('c-0', 'c-0'), ('u-5', 'u-6'), ('before', 'u-5')`);
    const facts = await resolveAll(
      db.connector(),
      byIdentities(
        { type: 'alias', value: ['c-3'] },
        { type: 'alias', value: ['c-0'] },
        { type: 'user_id', value: ['u-6'] },
        { type: 'alias', value: ['before'] },
      ),
    );
    expect(matchesOf(facts)).toEqual(['0 u-1', '0 u-2', '2 u-6', '3 u-5']);
    expect(identitiesOf(facts, 'u-1').filter((name) => name.startsWith('alias c'))).toEqual([
      'alias c-1 shared with 1',
      'alias c-2 shared with 1',
      'alias c-3 shared with 1',
    ]);
    expect(identitiesOf(facts, 'u-6').join()).not.toMatch(/alias u-5|alias before/);
  });

  test('counts the subjects of MariaDB that share an identity, and leaves out values that are no identity', async () => {
    await sql(`UPDATE users SET email = 'all@x.test' WHERE user_id IN ('u-1', 'u-2', 'u-3')`);
    await sql(`UPDATE users SET email = '' WHERE user_id = 'u-4'`);
    await sql(`UPDATE users SET unit = NULL WHERE user_id = 'u-5'`);
    const ids = [1, 2, 3, 4, 5].map((n) => ({ type: 'user_id', value: [`u-${n}`] }));
    for (const pageSize of [2, 1_000]) {
      const facts = await resolveAll(db.connector({ pageSize }), byIdentities(...ids));
      for (const n of [1, 2, 3])
        expect(identitiesOf(facts, `u-${n}`)).toContain('email all@x.test|berlin shared with 2');
      for (const n of [4, 5]) expect(identitiesOf(facts, `u-${n}`).join()).not.toContain('email');
    }
  });

  test('selects a segment or everyone in MariaDB without hidden subjects, and rejects an unknown segment', async () => {
    const connector = db.connector();
    const keysOf = async (selection: Parameters<typeof connector.resolve>[0]) =>
      (await resolveAll(connector, selection)).flatMap((fact) => (fact.fact === 'match' ? fact.key.value : []));
    const common = { requestId: requestId(), kind: 'user' } as const;
    const hidden = batchOf([user(1)], { batch: 'g1' });
    await connector.setVisibility(hidden, { hidden: true, generation: 1, at: new Date() }, testContext());
    const odd = await keysOf({ ...common, by: 'segment', segment: 'odd' });
    expect(odd).toHaveLength(14);
    expect(odd).not.toContain('u-1');
    expect(await keysOf({ ...common, by: 'everyone' })).toHaveLength(29);
    await expect(keysOf({ ...common, by: 'segment', segment: 'even' })).rejects.toMatchObject({
      code: 'unknown_segment',
    });
    await connector.setVisibility(
      { ...hidden, batch: 'g2' },
      { hidden: false, generation: 2, at: new Date() },
      testContext(),
    );
    expect(await keysOf({ ...common, by: 'segment', segment: 'odd' })).toHaveLength(15);
  });

  test('matches an identity in another Unicode form only when its own form matches no subject', async () => {
    await sql(`UPDATE users SET email = 'jose\u0301@x.test' WHERE user_id = 'u-1'`);
    const named = (text: string) => byIdentities({ type: 'email', value: [text, 'berlin'] });
    expect(matchesOf(await resolveAll(db.connector(), named('jos\u00e9@x.test')))).toEqual(['0 u-1']);
    await sql(`UPDATE users SET email = 'jos\u00e9@x.test' WHERE user_id = 'u-2'`);
    expect(matchesOf(await resolveAll(db.connector(), named('jos\u00e9@x.test')))).toEqual(['0 u-2']);
    expect(matchesOf(await resolveAll(db.connector(), named('jose@x.test')))).toEqual([]);
  });
});

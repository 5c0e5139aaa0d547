import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Identity } from '../../../domain/identity.ts';
import { mariadbUrl } from '../../support/servers/mariadb.ts';
import { allText, batchOf, byIdentities, deletion, exportAll, requestId, resolveAll, testContext } from '../calls.ts';
import { type Fixture, fixture } from './fixture.ts';

const IDENTITIES: readonly Identity[] = [
  { type: 'user_id', value: ['canary-key'] },
  { type: 'alias', value: ['canary-alias'] },
  { type: 'email', value: ['canary@mail.test', 'canary-unit'] },
  { type: 'ext', value: ['ca2a2100-0000-4000-8000-00000000c0de'] },
];
const CANARIES = [...IDENTITIES.flatMap(({ value }) => value), 'ca2a2100000040008000'];

const server = await mariadbUrl();

describe.skipIf(server === null)('identities in MariaDB', () => {
  let db: Fixture;
  let logFile: string;
  const sql = (text: string): Promise<unknown> => db.database.sql.query(text);
  const expectNone = (text: string): void => {
    for (const canary of CANARIES) expect(text.toLowerCase()).not.toContain(canary);
  };
  const seed = () =>
    sql(
      `INSERT INTO users (user_id, ext, email, unit) VALUES ('canary-key', x'ca2a21000000400080000000000000c0de', 'canary@mail.test', 'canary-unit')
           ON DUPLICATE KEY UPDATE unit = unit;
         INSERT IGNORE INTO aliases VALUES ('canary-alias', 'canary-key');
         INSERT INTO events (user_id) VALUES ('canary-key'), ('canary-alias')`.replace(
        '000000000000c0de',
        '00000000c0de',
      ),
    );

  beforeAll(async () => {
    db = await fixture(server ?? '', 5);
    const [row] = await db.database.rows<{ folder: string; file: string }>(
      'SELECT @@datadir AS folder, @@general_log_file AS file',
    );
    logFile = join(row?.folder ?? '', row?.file ?? '');
  });

  /** Calls every verb. */
  async function runAll(): Promise<void> {
    const connector = db.connector();
    await seed();
    const id = requestId();
    const batch = (name: string) => batchOf([IDENTITIES], { requestId: id, batch: name });
    const facts = await resolveAll(connector, byIdentities(...IDENTITIES));
    expect(facts.length).toBeGreaterThan(0);
    await connector.setVisibility(batch('g1'), { hidden: true, generation: 1, at: new Date() }, testContext());
    expect((await connector.count(batch('c1'), 'data', testContext())).presentSeqs).toEqual([1]);
    expect(allText(await exportAll(connector, batch('e1')))).toContain('canary-key');
    await connector.hardDelete(batch('b1'), deletion({ suppress: true }), testContext());
    expect(await connector.verify(batch('b1'), 'data', testContext())).toMatchObject({ survivors: 0 });
    await connector.setSuppression(batch('s1'), true, testContext());
    await connector.purge({ requestId: id, kind: 'user', seqs: [1] }, testContext());
    await connector.conclude({ requestId: id, kind: 'user' }, testContext());
  }

  test('writes no identity into statements or into the log of statements of MariaDB', async () => {
    await sql('SET GLOBAL general_log = 1');
    db.statements.length = 0;
    await seed();
    const before = readFileSync(logFile, 'utf8').length;
    await runAll();
    await sql(`SELECT 'end of the log'`);
    await sql('SET GLOBAL general_log = 0');
    const log = readFileSync(logFile, 'utf8').slice(before);
    expect(log).toContain('end of the log');
    expect(log).toContain('lethe_identities');
    // The rows that the test itself inserts.
    expectNone(log.replaceAll(/INSERT (IGNORE )?INTO (users|aliases|events)[^\n]*(\n\s+ON DUPLICATE[^\n]*)?/g, ''));
    expect(db.statements.length).toBeGreaterThan(50);
    expectNone(db.statements.join('\n'));
  });

  test('keeps no identity in the tables of Lethe in MariaDB after a request', async () => {
    await runAll();
    for (const table of [
      'lethe_batches',
      'lethe_collected',
      'lethe_ranges',
      'lethe_tombstones',
      'lethe_suppressions',
      'lethe_identity_types',
    ])
      expectNone(JSON.stringify(await db.database.rows(`SELECT * FROM ${table}`)));
    expect(await db.database.rows('SELECT 1 FROM lethe_suppressions')).not.toHaveLength(0);
  });

  test('sends identities as parameters when MariaDB does not allow local data', async () => {
    await sql('SET GLOBAL local_infile = 0');
    try {
      await runAll();
      expectNone(db.statements.join('\n'));
      expect(db.statements.join('\n')).toContain('JSON_TABLE(?');
    } finally {
      await sql('SET GLOBAL local_infile = 1');
    }
  });

  test('passes on no value of a row that a constraint of MariaDB rejects', async () => {
    await seed();
    await sql(`INSERT INTO ratings (user_id, stars, comment) VALUES ('canary-key', 1, 'canary-alias')`);
    await sql(`CREATE TRIGGER refuse BEFORE UPDATE ON ratings FOR EACH ROW BEGIN
      IF OLD.user_id = 'canary-key' THEN INSERT INTO aliases VALUES ('a-1', 'u-1'); END IF; END`);
    const connector = db.connector({ retries: 0 });
    const done = await connector.hardDelete(batchOf([IDENTITIES]), deletion(), testContext());
    expect(done).toEqual({ done: true, blocked: [{ seq: 1, table: null, constraint: null }] });
    await sql('DROP TRIGGER refuse; DROP TABLE events');
    const error: unknown = await connector.hardDelete(batchOf([IDENTITIES]), deletion(), testContext()).then(
      () => '',
      (each: unknown) => each,
    );
    expect(error).toMatchObject({ code: 'coverage_broken', retryable: false });
    expectNone(String(error));
  });
});

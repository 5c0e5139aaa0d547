import { asc, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Transaction } from '../../../db/client.ts';
import { copyInto } from '../../../db/copy.ts';
import { isStorageUnavailable } from '../../../db/errors.ts';
import { submittedIdentities } from '../../../db/schema/subjects.ts';
import { transaction } from '../../../db/transaction.ts';
import { type Ledger, ledger } from '../../support/ledger.ts';

// Vitest fails the file on an uncaught error, so a pass also shows that the process survives.

let world: Ledger;
beforeAll(async () => void (world = await ledger()));
afterAll(() => world.closeLedger());

const INTO = 'lethe.submitted_identities (request_id, position, type, value)';
const NAMES = ['ann', 'tab\there, "quoted" \\ and\nbroken', '{braces,comma}', 'ünïcode'];

async function* twoPages(requestId: string, between?: () => Promise<void>) {
  const rows = NAMES.map((name, index) => [requestId, index + 1, 'user_id', [name]]);
  yield rows.slice(0, 2);
  await between?.();
  yield rows.slice(2);
}

const readLocked = (tx: Transaction) =>
  tx
    .select({ value: submittedIdentities.value })
    .from(submittedIdentities)
    .orderBy(asc(submittedIdentities.position))
    .for('update');
const countStored = () => world.reading.$count(submittedIdentities);

test('locks the rows of a COPY in its transaction and rolls them back with it', async () => {
  const refused = new Error('refused');
  const failed = transaction(world.database, async (tx) => {
    await copyInto(tx, INTO, twoPages('req_rolled_back'));
    expect(await readLocked(tx)).toEqual(NAMES.map((name) => ({ value: [name] })));
    expect(await countStored()).toBe(0);
    throw refused;
  });
  await expect(failed).rejects.toBe(refused);
  expect(await countStored()).toBe(0);
});

test('rolls back and keeps the connection usable when the source of a COPY throws', async () => {
  const source = new Error('the source failed');
  const single = connect(world.url, { connections: 1 });
  try {
    const failed = transaction(single, (tx) =>
      copyInto(
        tx,
        INTO,
        twoPages('req_source', () => Promise.reject(source)),
      ),
    );
    await expect(failed).rejects.toBe(source);
    expect(await single.$count(submittedIdentities)).toBe(0);
  } finally {
    await single.$client.end();
  }
});

test('reports a connection that is lost in a COPY or in a statement after it', async () => {
  const single = connect(world.url, { connections: 1 });
  try {
    for (const last of ['COPY', 'statement'] as const) {
      const lost = transaction(single, async (tx) => {
        const [own] = await tx.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`);
        const terminate = async () =>
          void (await world.database.execute(sql`SELECT pg_terminate_backend(${own?.pid ?? 0}::integer, 5000)`));
        await copyInto(tx, INTO, twoPages('req_lost', last === 'COPY' ? terminate : undefined));
        if (last === 'statement') await terminate();
        await readLocked(tx);
      });
      expect({ last, unavailable: await lost.catch(isStorageUnavailable) }).toEqual({ last, unavailable: true });
      // The first statement on the new connection may fail with the error of the old one.
      await expect.poll(() => single.$count(submittedIdentities).catch(() => null)).toBe(0);
    }
  } finally {
    await single.$client.end({ timeout: 1 });
  }
});

test('stores the rows of a COPY when the transaction commits', async () => {
  await transaction(world.database, (tx) => copyInto(tx, INTO, twoPages('req_stored')));
  expect(await countStored()).toBe(NAMES.length);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connect } from '../../db/client.ts';
import { transaction } from '../../db/transaction.ts';
import { isStorageUnavailable } from '../../db/errors.ts';
import { createDatabase } from '../support/servers/postgres.ts';

// That the process lives on is judged by vitest: an error that nobody caught fails the file.

test('a connection lost in a transaction is an error of the transaction, and others go on', async () => {
  const { url } = await createDatabase();
  const sent: string[] = [];
  const observe = (statement: string) => void sent.push(statement);
  const [database, other] = [connect(url, { connections: 1, observe }), connect(url, { connections: 1 })];
  try {
    await database.$client`CREATE TABLE kept (n integer)`;
    for (const last of ['waits for the server', 'is idle'] as const) {
      const lost = transaction(database, async (tx) => {
        const [own] = await tx.$client<
          { pid: number }[]
        >`INSERT INTO kept VALUES (1) RETURNING pg_backend_pid() AS pid`;
        const ended = other.$client`SELECT pg_terminate_backend(${own?.pid ?? 0}::integer, 5000)`.execute();
        if (last === 'is idle') await ended;
        await tx.$client`SELECT pg_sleep(3)`;
      });
      expect(await lost.catch(isStorageUnavailable)).toBe(true);
      // The first to use the new connection may be told of the old one's end.
      const kept = () => transaction(database, (tx) => tx.$client`SELECT n FROM kept`).catch(() => null);
      await expect.poll(kept).toEqual([]);
    }
    // Another transaction could have the connection by now.
    await sleep(1_000);
    expect(sent).toContain('commit');
    expect(sent).not.toContain('rollback');
  } finally {
    await Promise.all([database.$client.end({ timeout: 1 }), other.$client.end({ timeout: 1 })]);
  }
});

test('a lost transaction has no more to say: what it would do later is not done on the next connection', async () => {
  const { url } = await createDatabase();
  const [database, other] = [connect(url, { connections: 1 }), connect(url, { connections: 1 })];
  try {
    await database.$client`CREATE TABLE kept (n integer)`;
    const { promise: reconnected, resolve: goOn } = Promise.withResolvers<void>();
    const { promise: later, resolve: tell } = Promise.withResolvers<unknown>();
    const lost = transaction(database, async (tx) => {
      const [own] = await tx.$client<{ pid: number }[]>`INSERT INTO kept VALUES (1) RETURNING pg_backend_pid() AS pid`;
      await other.$client`SELECT pg_terminate_backend(${own?.pid ?? 0}::integer, 5000)`;
      await reconnected;
      try {
        await tx.$client`INSERT INTO kept VALUES (2)`;
      } catch (error) {
        tell(error);
        throw error;
      }
      tell('inserted');
    });
    expect(await lost.catch(isStorageUnavailable)).toBe(true);
    await expect.poll(() => database.$client`SELECT n FROM kept`.catch(() => null)).toEqual([]);
    goOn();
    expect(await later).toEqual(new Error('the transaction has lost its connection'));
    expect(await other.$client`SELECT n FROM kept`).toEqual([]);
  } finally {
    await Promise.all([database.$client.end({ timeout: 1 }), other.$client.end({ timeout: 1 })]);
  }
});

test('the loss of another connection rolls back the transaction that needed it, and sets its own free', async () => {
  const { url } = await createDatabase();
  const [database, other] = [connect(url, { connections: 1 }), connect(url, { connections: 1 })];
  try {
    await database.$client`CREATE TABLE kept (n integer)`;
    const failed = transaction(database, async (tx) => {
      await tx.$client`INSERT INTO kept VALUES (1)`;
      await other.$client`SELECT pg_terminate_backend(pg_backend_pid())`;
    });
    expect(await failed.catch(isStorageUnavailable)).toBe(true);
    expect(await transaction(database, (tx) => tx.$client`SELECT n FROM kept`)).toEqual([]);
  } finally {
    await Promise.all([database.$client.end({ timeout: 1 }), other.$client.end({ timeout: 1 })]);
  }
});

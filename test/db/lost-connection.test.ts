import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { connect } from '../../db/client.ts';
import { transaction } from '../../db/transaction.ts';
import { isStorageUnavailable } from '../../db/errors.ts';
import { createDatabase } from '../support/servers/postgres.ts';

// Vitest fails the file on an uncaught error, so a pass also shows that the process survives.

test('rejects the transaction when its connection is lost, and keeps the database usable', async () => {
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
      // The first transaction on the new connection may fail with the error of the old one.
      const kept = () => transaction(database, (tx) => tx.$client`SELECT n FROM kept`).catch(() => null);
      await expect.poll(kept).toEqual([]);
    }
    // Waits until another transaction could use the connection.
    await sleep(1_000);
    expect(sent).toContain('commit');
    expect(sent).not.toContain('rollback');
  } finally {
    await Promise.all([database.$client.end({ timeout: 1 }), other.$client.end({ timeout: 1 })]);
  }
});

test('does not send later statements of a lost transaction on the next connection', async () => {
  const { url } = await createDatabase();
  const [database, other] = [connect(url, { connections: 1 }), connect(url, { connections: 1 })];
  try {
    await database.$client`CREATE TABLE kept (n integer)`;
    const { promise: reconnected, resolve: markReconnected } = Promise.withResolvers<void>();
    const { promise: laterResult, resolve: setLaterResult } = Promise.withResolvers<unknown>();
    const lost = transaction(database, async (tx) => {
      const [own] = await tx.$client<{ pid: number }[]>`INSERT INTO kept VALUES (1) RETURNING pg_backend_pid() AS pid`;
      await other.$client`SELECT pg_terminate_backend(${own?.pid ?? 0}::integer, 5000)`;
      await reconnected;
      try {
        await tx.$client`INSERT INTO kept VALUES (2)`;
      } catch (error) {
        setLaterResult(error);
        throw error;
      }
      setLaterResult('inserted');
    });
    expect(await lost.catch(isStorageUnavailable)).toBe(true);
    await expect.poll(() => database.$client`SELECT n FROM kept`.catch(() => null)).toEqual([]);
    markReconnected();
    expect(await laterResult).toEqual(new Error('the transaction has lost its connection'));
    expect(await other.$client`SELECT n FROM kept`).toEqual([]);
  } finally {
    await Promise.all([database.$client.end({ timeout: 1 }), other.$client.end({ timeout: 1 })]);
  }
});

test('rolls back and releases its own connection when a transaction loses another connection that it uses', async () => {
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

test('keeps the process when connections end while they are opened', async () => {
  const { url } = await createDatabase();
  const other = connect(url, { connections: 1 });
  const script = `
    import { connect } from './db/client.ts';
    import { surviveLostConnections } from './db/errors.ts';
    const codes = new Set();
    surviveLostConnections(process, (code) => codes.add(code));
    for (let i = 0; i < 200 && codes.size === 0; i++) {
      const { $client } = connect(${JSON.stringify(url)}, { connections: 1 });
      await $client\`SELECT 1\`.catch(() => {});
      await $client.end({ timeout: 1 });
    }
    console.log(...codes, 'still runs');
    process.exit();`;
  // Ends every connection that reads the array types, the first statement of the driver.
  const ends = other.$client`
    DO $$ BEGIN LOOP
      PERFORM pg_stat_clear_snapshot();
      PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%b.typarray%' AND pid <> pg_backend_pid() AND datname = current_database();
    END LOOP; END $$`.execute();
  ends.catch(() => {});
  try {
    const args = ['--input-type=module-typescript', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe('57P01 still runs\n');
  } finally {
    ends.cancel();
    await other.$client.end({ timeout: 1 });
  }
});

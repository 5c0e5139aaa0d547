import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../dev/embedded/ports.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import { isGone, parentOf, started } from './parent.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Below a folder that only its owner may enter, as mkdtemp makes it, root's cluster goes elsewhere: see root.test.ts. */
function openFolder(): string {
  const path = join(tmpdir(), `lethe-test-${process.pid}-${Math.random().toString(36).slice(2)}`);
  closing.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function start(options: PostgresOptions = {}): Promise<PostgresServer> {
  const server = await startPostgres(options);
  closing.push(() => server.stop());
  return server;
}

async function ask(url: string, statement: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

test('a throw-away server answers, and nothing of it is left behind', async () => {
  const server = await start();
  const answer = await ask(server.url, `SELECT current_setting('server_version_num')::int >= 180000 AS new`);
  expect(answer).toEqual([{ new: true }]);
  await server.stop();
  expect(await isGone(server.pid)).toBe(true);
  expect(existsSync(dirname(server.logFile))).toBe(false);
});

test('a kept folder keeps its data', async () => {
  const dir = openFolder();
  const first = await start({ dir });
  await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  await first.stop();
  expect(await ask((await start({ dir })).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('a parent that is killed with SIGKILL leaves no server and no folder', async () => {
  const parent = await parentOf('postgres');
  const { pid, logFile } = started(parent);
  parent.process.kill('SIGKILL');
  expect(await isGone(pid)).toBe(true);
  await expect.poll(() => existsSync(dirname(logFile)), { timeout: 10_000 }).toBe(false);
});

test('a start right after the SIGKILL of another on the same folder waits for its server to end', async () => {
  const dir = openFolder();
  const parent = await parentOf('postgres', { dir });
  parent.process.kill('SIGKILL');
  expect(await ask((await start({ dir })).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('what a kill -9 of the server left is recovered at the next start', async () => {
  const dir = openFolder();
  const first = await start({ dir });
  await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  process.kill(first.pid, 'SIGKILL');
  await first.stop();
  expect(existsSync(join(dir, 'data/postmaster.pid'))).toBe(true);
  expect(await ask((await start({ dir })).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('a start after a kill -9 of the server waits for the last of its processes to end', async () => {
  const dir = openFolder();
  const first = await start({ dir });
  await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  const [child] = await ask(first.url, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`);
  const { pid } = z.object({ pid: z.number() }).parse(child);
  process.kill(pid, 'SIGSTOP');
  process.kill(first.pid, 'SIGKILL');
  await first.stop();
  const next = start({ dir });
  setTimeout(() => process.kill(pid, 'SIGCONT'), 1_000);
  expect(await ask((await next).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('a stale pid file whose number now is that of another program does not stop it', async () => {
  const dir = openFolder();
  await (await start({ dir })).stop();
  const lines = [process.ppid, join(dir, 'data'), 1, 5432, '', '127.0.0.1', '', 'ready   '];
  writeFileSync(join(dir, 'data/postmaster.pid'), `${lines.join('\n')}\n`);
  expect(await ask((await start({ dir })).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a live server on the folder is named and goes on', async () => {
  const dir = openFolder();
  const server = await start({ dir });
  await expect(startPostgres({ dir })).rejects.toThrow(`pid ${server.pid}, port ${server.port}`);
  expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('of two first starts at once on one folder one wins and the other says who holds it', async () => {
  for (let round = 0; round < 3; round++) {
    const dir = openFolder();
    const both = await Promise.all([parentOf('postgres', { dir }), parentOf('postgres', { dir })]);
    const winners = both.flatMap(({ said }) => ('error' in said ? [] : [said]));
    const losers = both.flatMap(({ said }) => ('error' in said ? [said.error] : []));
    expect(winners).toHaveLength(1);
    expect(losers).toEqual([expect.stringContaining(`already holds ${dir}/data (pid ${winners[0]?.pid}`)]);
    expect(await ask(winners[0]?.url ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    for (const parent of both) parent.process.kill('SIGTERM');
    expect(await isGone(winners[0]?.pid ?? 0)).toBe(true);
  }
});

test('a port in use is told', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  closing.push(() => other.close());
  await expect(startPostgres({ port })).rejects.toThrow(`port ${port} for PostgreSQL is in use`);
});

test('settings reach the server, and its log can be read', async () => {
  const server = await start({ settings: { log_min_duration_statement: '0' } });
  await ask(server.url, `SELECT 'seen in the log'`);
  expect(readFileSync(server.logFile, 'utf8')).toContain('seen in the log');
});

test('a setting that PostgreSQL does not know fails with its own words', async () => {
  await expect(startPostgres({ settings: { nonsense: '1' } })).rejects.toThrow('"nonsense"');
});

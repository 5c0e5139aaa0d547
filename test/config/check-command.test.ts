import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createDatabase } from '../support/servers/postgres.ts';
import { parseXml } from './xml.ts';

const folder = mkdtempSync(join(tmpdir(), 'lethe-check-'));
const config = join(folder, 'shop.config.ts');
writeFileSync(
  config,
  `import { defineDeployment, env, postgres } from 'lethe/config';
   const user = { table: 'users', key: 'user_id', tables: [{ table: 'orders', subject: 'user_id' }] };
   export default defineDeployment({ projects: { shop: { policy: { deadline: { gdpr: '30 days' } }, directory: 'app',
     systems: { app: postgres({ url: env('APP_URL'), kinds: { user } }), crm: postgres({ url: env('CRM_URL'), kinds: { user } }) } } } });`,
);
afterAll(() => rmSync(folder, { recursive: true }));

/** What migrations of an application create. */
const MIGRATIONS = `CREATE TABLE users (user_id text PRIMARY KEY);
  CREATE TABLE orders (user_id text NOT NULL REFERENCES users); CREATE INDEX ON orders (user_id)`;
let url = '';
let sql: postgres.Sql;
beforeEach(async () => {
  ({ url } = await createDatabase());
  sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(MIGRATIONS);
  return () => sql.end();
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function check(args: readonly string[], changes: Record<string, string> = {}): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', LETHE_CONFIG: config, APP_URL: url, CRM_URL: url, ...changes };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, ['commands/check.ts', ...args], { env })) };
  } catch (error) {
    return error as Ended;
  }
}

/** Runs a script one statement at a time, as psql does. */
async function runScript(script: string): Promise<void> {
  const body = script.replaceAll(/^--.*$/gm, '');
  for (const [statement] of body.matchAll(/(?:\$\$.*?\$\$|[^;$])+;/gs)) await sql.unsafe(statement);
}

test('passes with --schema-only on a database that migrations have just created, and not without it', async () => {
  expect(await check(['--schema-only'])).toEqual({ code: 0, stdout: 'no config errors in shop\n', stderr: '' });
  const { code, stdout } = await check([]);
  expect(code).toBe(1);
  expect(stdout).toContain('projects.shop.systems.app.url: the schema lethe_system is missing');
});

test('finds with --schema-only what a migration has broken', async () => {
  await sql`DROP INDEX orders_user_id_idx`;
  await sql`CREATE TABLE wishes (user_id text)`;
  const { code, stdout } = await check(['--schema-only', '--system', 'app']);
  expect(code).toBe(1);
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(
      /^projects\.shop\.systems\.app\.kinds\.user\.tables\.0\.subject: public\.orders needs an index/,
    ),
    expect.stringMatching(/^projects\.shop\.systems\.app\.kinds: public\.wishes has the column user_id/),
    '2 config errors',
    '',
  ]);
});

test('prints a script with --sql that corrects the errors', async () => {
  await sql.unsafe(`DROP INDEX orders_user_id_idx; INSERT INTO users SELECT n FROM generate_series(1, 2000) n;
    INSERT INTO orders SELECT user_id FROM users`);
  const { code, stdout } = await check(['--sql', '--system', 'app']);
  expect(code).toBe(1);
  expect(stdout).toContain('\nCREATE INDEX CONCURRENTLY ON "public"."orders" ("user_id");');
  await runScript(stdout);
  expect(await check(['--system', 'app'])).toMatchObject({ code: 0 });
  expect((await check(['--sql', '--system', 'app'])).stdout).toBe('-- No config errors.\n');
});

test('exits with 2 when a system is unreachable, and still reports the other one', async () => {
  const CRM_URL = url
    .replace(/:\d+\//, ':1/')
    .replace('//', '//crm:canary@')
    .replace('postgres@', '');
  const ended = await check(['--schema-only', '--format', 'junit'], { CRM_URL });
  expect(ended.code).toBe(2);
  expect(JSON.stringify(ended)).not.toContain('canary');
  const suites = parseXml(ended.stdout).children.map(({ attributes }) => attributes);
  expect(suites).toMatchObject([
    { name: 'projects.shop.systems.app', failures: '0', errors: '0' },
    { name: 'projects.shop.systems.crm', failures: '0', errors: '1' },
  ]);
});

test('reports an invalid configuration in each format and exits with 1', async () => {
  const invalid = join(folder, 'invalid.config.ts');
  writeFileSync(invalid, `export default { projects: { shop: { directory: 'app', systems: {} } } };`);
  const changes = { LETHE_CONFIG: invalid };
  const text = await check([], changes);
  expect([text.code, text.stdout]).toEqual([1, expect.stringContaining('projects.shop.systems: ')]);
  const sarif = await check(['--format', 'sarif'], changes);
  expect(JSON.parse(sarif.stdout)).toMatchObject({ runs: [{ results: [{ level: 'error' }, {}, {}] }] });
});

test.each([
  ['an unknown format', ['--format', 'xml'], 'usage: npm run check'],
  ['a format of the script', ['--sql', '--format', 'junit'], 'usage: npm run check'],
  ['an unknown option', ['--schemaonly'], "Unknown option '--schemaonly'"],
  ['an unknown system', ['--system', 'ap'], 'no project has a system ap'],
  [
    'an unknown project',
    ['--project', 'shp'],
    'the configuration has no project shp; it has: shop; did you mean shop?',
  ],
])('exits with 2 and prints no report for %s', async (_, args, message) => {
  const { code, stdout, stderr } = await check(args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

test('names the file of LETHE_CONFIG when one of its variables is not set', async () => {
  const { code, stderr } = await check([], { APP_URL: '' });
  expect([code, stderr]).toEqual([2, `APP_URL is not set; ${config} reads it with env('APP_URL')\n`]);
});

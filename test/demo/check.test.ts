import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { childEnvironment } from '../../config/environment.ts';
import { loadDeployment, readDeployment } from '../../config/deployment.ts';
import { prepareSystem } from '../../dev/demo/databases.ts';
import { companyFiguresOf, figuresOf } from '../../dev/demo/figures.ts';
import { seedDemo } from '../../dev/demo/data/generate.ts';
import { createDatabase } from '../support/servers/postgres.ts';

let url = '';
beforeAll(async () => {
  ({ url } = await createDatabase());
  await seedDemo(url, { scale: 0.02, seed: 1 });
  await prepareSystem(url, readDeployment(await loadDeployment('lethe.config.ts')));
});

const run = promisify(execFile);

async function check(...args: string[]): Promise<{ code: number; output: string }> {
  const env = childEnvironment({ DEMO_DATABASE_URL: url, LETHE_CONFIG: 'lethe.config.ts' });
  try {
    const { stdout, stderr } = await run(process.execPath, ['commands/check.ts', ...args], { env });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

const countsIn = (output: string): Record<string, number> =>
  Object.fromEntries(
    [...output.matchAll(/^ {2}app {2}(\S+) +(\d+)$/gm)].map(([, table = '', rows]) => [table, Number(rows)]),
  );

test('finds no error in the demo', async () => {
  expect(await check()).toEqual({ code: 0, output: 'no config errors in demo\n' });
});

test('reports a new unmapped table with the path of its system', async () => {
  const sql = postgres(url, { max: 1 });
  try {
    await sql`CREATE TABLE app.notes (note_id bigint PRIMARY KEY, user_id text)`;
    const { code, output } = await check();
    expect(code).toBe(1);
    expect(output).toMatch(/^projects\.demo\.systems\.app\S*: .*app\.notes/m);
  } finally {
    await sql`DROP TABLE app.notes`;
    await sql.end();
  }
});

test.each([
  ['a user with a chain of aliases', 'u-27'],
  ['a user who shares a device', 'u-50'],
  ['a user who shares an address', 'u-20'],
])('counts the seeded rows of %s', async (_, userId) => {
  const { code, output } = await check('--subject', 'user_id', userId);
  expect(code).toBe(0);
  expect(countsIn(output)).toEqual(await figuresOf(url, userId));
});

test('counts the same rows by an alias of an alias as by the key', async () => {
  const { output } = await check('--subject', 'alias', 'a-27-3');
  expect(countsIn(output)).toEqual(await figuresOf(url, 'u-27'));
});

test('counts the seeded rows of a company and none of its users', async () => {
  const { output } = await check('--subject', 'domain', 'Company-1.EXAMPLE.test', '--kind', 'company');
  expect(countsIn(output)).toEqual(await companyFiguresOf(url, '9000000001'));
});

test('counts no rows when the subject is unknown', async () => {
  const { code, output } = await check('--subject', 'user_id', 'u-unknown');
  expect(code).toBe(0);
  expect(countsIn(output)).toEqual({});
  expect(output).toContain('the directory has no such user');
});

test('rejects an address that two users share without naming them', async () => {
  const sql = postgres(url, { max: 1 });
  const [household] = await sql<{ email: string }[]>`SELECT email FROM app.users WHERE user_id = 'u-20'`;
  await sql.end();
  const { code, output } = await check('--subject', 'email', household?.email ?? '', 'berlin');
  expect({ code, output: output.trim() }).toEqual({
    code: 2,
    output: 'the identity is ambiguous: it matches 2 subjects. Use another identity of the subject.',
  });
});

test('does not print other identities of the subject', async () => {
  const sql = postgres(url, { max: 1 });
  const [user] = await sql`SELECT xng_id, external_id, email, name FROM app.users WHERE user_id = 'u-27'`;
  await sql.end();
  const { output } = await check('--subject', 'user_id', 'u-27');
  for (const identity of [...Object.values(user ?? {}).map(String), 'a-27-1', 'a-27-2', 'a-27-3']) {
    expect(output).not.toContain(identity);
  }
});

test('leaves no rows in lethe_system', async () => {
  await check('--subject', 'user_id', 'u-27');
  const sql = postgres(url, { max: 1 });
  const [remaining] = await sql<{ rows: number }[]>`
    SELECT (SELECT count(*) FROM lethe_system.batch)::int + (SELECT count(*) FROM lethe_system.batches)::int AS rows`;
  await sql.end();
  expect(remaining?.rows).toBe(0);
});

test('rejects an invalid value without printing it', async () => {
  const { code, output } = await check('--subject', 'xng_id', 'not-a-uuid-canary');
  expect(code).toBe(2);
  expect(output).toContain('not_a_uuid');
  expect(output).not.toContain('canary');
});

test('lists the identity types when the type is unknown', async () => {
  const { output } = await check('--subject', 'mail', 'x');
  expect(output).toContain('unknown_type');
  expect(output).toContain('email: caseInsensitive, 2 values');
});

test('prints the usage when a value is given without --subject', async () => {
  expect((await check('user_id', 'u-27')).code).toBe(2);
});

test('names LETHE_CONFIG when the configuration file does not exist', async () => {
  const env = childEnvironment({ LETHE_CONFIG: 'nowhere.config.ts' });
  await expect(run(process.execPath, ['commands/check.ts'], { env })).rejects.toThrow(
    /configuration file not found: .*nowhere.*LETHE_CONFIG/,
  );
});

test('prints the usage when --subject has no value', async () => {
  expect((await check('--subject', 'user_id')).code).toBe(2);
});

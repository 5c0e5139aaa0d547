import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { childEnvironment } from '../../../config/environment.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { bearerOf, testApi } from '../support/api.ts';

const api = await testApi();
// A new deployment has no members, so those of the test API are deleted.
await api.sql`DELETE FROM lethe.tokens`;
await api.sql`DELETE FROM lethe.members`;

const run = promisify(execFile);

async function member(args: readonly string[], url = api.url) {
  const env = childEnvironment({ DATABASE_URL: url, LETHE_CONFIG: 'lethe.config.ts' });
  try {
    return { code: 0, ...(await run(process.execPath, ['commands/member.ts', ...args], { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}
const refused = (stderr: unknown) => ({ code: 1, stdout: '', stderr });
const ANN = ['--project', 'demo', '--name', 'ann'];
const TOKEN = /^lethe_[0-9a-f]{64}_[0-9a-f]{8}$/m;

const statusOf = async (token: string | undefined, path = '/v1/requests?project=demo') => {
  api.clock.now = new Date();
  return (await api.call('GET', path, undefined, bearerOf(token ?? ''))).status;
};
const members = () => api.sql`SELECT name, role, added_by FROM lethe.members ORDER BY id`;

test('adds the first member as an owner and creates another token when it is run again', async () => {
  const first = await member(ANN);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^ann \(mem_[0-9a-f]{32}\) is now an owner of demo\.\n/);
  const [token] = TOKEN.exec(first.stdout) ?? [];
  expect(await statusOf(token)).toBe(200);

  const again = await member(ANN);
  expect(again.stdout).toMatch(/^ann \(mem_[0-9a-f]{32}\) is an owner of demo\.\n/);
  const [another] = TOKEN.exec(again.stdout) ?? [];
  expect(another).not.toBe(token);
  expect([await statusOf(token), await statusOf(another)]).toEqual([200, 200]);
  expect(await members()).toEqual([{ name: 'ann', role: 'owner', addedBy: 'operator' }]);
});

test('requires a role for further members', async () => {
  const bob = ['--project', 'demo', '--name', 'bob'];
  expect(await member(bob)).toEqual(refused('The project has members. Give a role: owner or admin.\n'));
  const added = await member([...bob, '--role', 'admin', '--json']);
  const output = JSON.parse(added.stdout) as Record<string, unknown>;
  expect(output).toEqual({
    project: 'demo',
    added: true,
    memberId: expect.stringMatching(/^mem_/),
    tokenId: expect.stringMatching(/^tok_/),
    token: expect.stringMatching(TOKEN),
    name: 'bob',
    role: 'admin',
    expiresAt: expect.any(String),
  });
  expect(await statusOf(String(output['token']))).toBe(200);
  expect(await statusOf(String(output['token']), '/v1/tokens?member=all')).toBe(403);
  expect(await member([...bob, '--role', 'owner'])).toEqual(refused('The member with this name has the role admin.\n'));
});

test('rejects wrong arguments with the usage and exit code 2, and an unknown project with one line', async () => {
  const before = await members();
  const misused = (message: string) => ({
    ...refused(expect.stringMatching(new RegExp(`^${message}\n\nusage: npm run member `))),
    code: 2,
  });
  expect(await member([])).toEqual(misused('--project and --name are required'));
  expect(await member(['--project', 'demo'])).toEqual(misused('--project and --name are required'));
  expect(await member(['--project', 'crm', '--name', 'ann'])).toEqual(
    refused(expect.stringMatching(/^the configuration has no project \S+; it has: demo\n$/)),
  );
  expect(await member([...ANN, '--role', 'root'])).toEqual(misused('--role must be owner or admin'));
  expect(await member([...ANN, '--rol', 'admin'])).toEqual(misused("Unknown option '--rol'"));
  for (const name of ['', 'an\nn', 'an\u200bn', 'x'.repeat(201), 'Lethe'])
    expect(await member(['--project', 'demo', '--name', name])).toEqual(misused('--name must [^\n]*'));
  expect(await members()).toEqual(before);
});

test('names an unreachable, missing or unmigrated database without its password', async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const away = await member(ANN, `postgres://u:secret-canary@${address}/x`);
  expect(away).toEqual(
    refused(`no PostgreSQL listens at ${address}; start it, or correct DATABASE_URL (ECONNREFUSED)\n`),
  );
  const absent = Object.assign(new URL(api.url), { pathname: '/nowhere' }).href;
  expect(await member(ANN, absent)).toEqual(
    refused(
      `PostgreSQL at ${new URL(api.url).host} has no database nowhere; create it, or correct DATABASE_URL (3D000)\n`,
    ),
  );
  const { url } = await createDatabase();
  expect(await member(ANN, url)).toEqual(
    refused(expect.stringMatching(/^the database lacks .*: run `npm run migrate`\n$/)),
  );
});

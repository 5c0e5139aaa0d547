import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../../db/client.ts';
import { addMemberOrToken } from '../../../db/members/members.ts';
import { migrate } from '../../../db/migrate.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { archiveFolder } from '../../support/archives.ts';
import { ledgerDatabase } from '../../support/databases.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { bearerOf, deletionOf, user } from '../support/api.ts';

const keyOf = (byte: number) => `k1:${Buffer.alloc(32, byte).toString('base64url')}`;
const running: (() => void)[] = [];
afterEach(() => {
  for (const stop of running.splice(0)) stop();
});

const archives = pathToFileURL(archiveFolder()).href;

/** Starts the process as an operator does, without Temporal. */
async function start(url: string, more: Record<string, string> = {}, program = ['api/server.ts']) {
  const port = String(await freePort());
  const env = {
    ...process.env,
    DATABASE_URL: url,
    LETHE_DIGEST_KEYS: keyOf(5),
    PORT: port,
    LETHE_ARCHIVES: archives,
  };
  const child = spawn(process.execPath, program, {
    env: { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}`, ...more },
  });
  running.push(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, 'exit').then(([code]) => ({ code: code as unknown, output }));
  const listening = async () => {
    while (!output.includes('"listening"')) await once(child.stdout, 'data');
  };
  return { child, ended, listening, base: `http://127.0.0.1:${port}`, output: () => output };
}

test('exits with code 1 and one line for an old schema or another digest key, and waits for a database that is away', async () => {
  const { url } = await createDatabase();
  expect(await (await start(url)).ended).toEqual({ code: 1, output: expect.stringContaining('npm run migrate') });
  await migrate(url);
  const first = await start(url);
  await first.listening();
  first.child.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
  const other = await (await start(url, { LETHE_DIGEST_KEYS: keyOf(6) })).ended;
  expect(other).toEqual({
    code: 1,
    output: expect.stringContaining('differs from the key with this id that is in use'),
  });
  const absent = Object.assign(new URL(url), { pathname: '/nowhere' });
  const refused = await (await start(absent.href)).ended;
  const reason = `PostgreSQL at ${absent.host} has no database nowhere; create it, or correct DATABASE_URL`;
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.output)).toMatchObject({ level: 60, code: '3D000', reason, msg: 'cannot start' });
  const address = `127.0.0.1:${await freePort()}`;
  const away = await start(`postgres://u:secret-canary@${address}/x`);
  await away.listening();
  for (const [path, status] of [
    ['/healthz', 200],
    ['/readyz', 503],
    ['/v1/requests', 503],
    ['/openapi.json', 200],
  ] as const)
    expect((await fetch(`${away.base}${path}`)).status).toBe(status);
  const retrying = `the database at ${address} (DATABASE_URL) is not reachable; retrying`;
  while (!away.output().includes(retrying)) await once(away.child.stdout, 'data');
  expect(other.output + away.output()).not.toMatch(/secret-canary|\n\s+at /);
});

test('completes every active request when SIGTERM arrives twice', async () => {
  const { url } = await ledgerDatabase();
  const server = await start(url);
  await server.listening();
  const database = connect(url, { connections: 1 });
  const owner = { project: 'demo', name: 'owner', role: 'owner', actor: 'test', at: new Date() } as const;
  const { token } = await addMemberOrToken(database, owner);
  const headers = { ...bearerOf(token), 'Content-Type': 'application/json' };
  const calls = Array.from({ length: 20 }, (_, index) =>
    fetch(`${server.base}/v1/requests`, {
      method: 'POST',
      headers,
      body: JSON.stringify(deletionOf([user(`canary-${index}`)])),
    }),
  );
  const stored = async () =>
    (await database.$client<{ id: string }[]>`SELECT id FROM lethe.requests ORDER BY id`).map((row) => row.id);
  // Temporal is down, so every call still waits for it when its row exists.
  while ((await stored()).length < 20) await new Promise((resolve) => setTimeout(resolve, 20));
  server.child.kill('SIGTERM');
  while (!server.output().includes('"shutting down"')) await once(server.child.stdout, 'data');
  // As from a shell: the terminal signals the whole process group, and npm forwards the signal.
  server.child.kill('SIGTERM');
  const answers = await Promise.all(calls);
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 202));
  const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { id: string }).id));
  expect(ids.toSorted()).toEqual(await stored());
  expect((await server.ended).code).toBe(0);
  expect(server.output().split('"shutting down"')).toHaveLength(2);
  const accepted = server.output().match(/^\{.*"request accepted"\}$/gm) ?? [];
  expect(accepted.map((line) => (JSON.parse(line) as { request: string }).request).toSorted()).toEqual(await stored());
  expect(server.output()).not.toContain('canary');
  await database.$client.end();
});

test('serves metrics only at METRICS_ADDRESS and names the address that is in use', async () => {
  const { url } = await ledgerDatabase();
  const at = `127.0.0.1:${await freePort()}`;
  const server = await start(url, { METRICS_ADDRESS: at });
  await server.listening();
  expect((await fetch(`${server.base}/v1/requests/canary`)).status).toBe(401);
  const scraped = await (await fetch(`http://${at}/metrics`)).text();
  expect(scraped).toContain(
    'lethe_http_request_duration_seconds_count{method="GET",route="/v1/requests/:id",status="401"} 1',
  );
  expect(scraped).toContain('lethe_requests_at_risk{project="demo"} 0');
  expect(scraped).not.toContain('canary');
  expect((await fetch(`${server.base}/metrics`)).status).toBe(404);
  expect((await fetch(`http://${at}/v1/requests`)).status).toBe(404);
  for (const [address, variable, changes] of [
    [at, 'METRICS_ADDRESS', { METRICS_ADDRESS: at }],
    [new URL(server.base).host, 'PORT', { PORT: new URL(server.base).port }],
  ] as const) {
    const { code, output } = await (await start(url, changes)).ended;
    expect(code).toBe(1);
    expect(output).toContain(`cannot listen on ${address}: another process uses the port (EADDRINUSE)`);
    expect(output).toContain(`choose another port with ${variable}`);
  }
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
  await expect(fetch(`http://${at}/metrics`)).rejects.toThrow('fetch failed');
});

test('exits with one line when a process has another archive storage than the first one', async () => {
  const { url } = await ledgerDatabase();
  const first = await start(url);
  await first.listening();
  const elsewhere = { LETHE_ARCHIVES: pathToFileURL(archiveFolder()).href };
  for (const program of ['api/server.ts', 'worker.ts']) {
    const { code, output } = await (await start(url, elsewhere, [program])).ended;
    expect([code, output.trim().split('\n')]).toEqual([
      1,
      [expect.stringContaining('LETHE_ARCHIVES is not the storage')],
    ]);
    expect(output).not.toContain(elsewhere.LETHE_ARCHIVES.slice('file://'.length));
  }
  const second = await start(url);
  await second.listening();
  expect(first.output()).not.toContain('LETHE_ARCHIVES is not the storage');
});

/** Simulates a machine without the package. */
const WITHOUT_SDK = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(name, context, next) {
    if (name.startsWith('@aws-sdk/')) throw Object.assign(new Error('canary'), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  } });`)}`;

test('reports an unavailable storage or a missing package without blaming the database', async () => {
  const { url } = await ledgerDatabase();
  const closedEndpoint = encodeURIComponent(`http://127.0.0.1:${await freePort()}`);
  const credentials = { AWS_ACCESS_KEY_ID: 'canary-id', AWS_SECRET_ACCESS_KEY: 'canary-secret' };
  const bucket = { LETHE_ARCHIVES: `s3://canary?endpoint=${closedEndpoint}`, ...credentials };
  for (const [variables, program, message] of [
    [{ LETHE_ARCHIVES: 'file:///dev/null/canary' }, ['api/server.ts'], 'archive folder cannot be used (ENOTDIR)'],
    [bucket, ['worker.ts'], 'archive bucket cannot be used (ECONNREFUSED)'],
    [bucket, ['--import', WITHOUT_SDK, 'api/server.ts'], 'npm install @aws-sdk/client-s3'],
  ] as const) {
    const { code, output } = await (await start(url, variables, [...program])).ended;
    expect([code, output.trim().split('\n')]).toEqual([1, [expect.stringContaining(message)]]);
    expect(output).not.toMatch(/canary|the database/);
  }
});

test('warns when download links behind a proxy point to the machine itself', async () => {
  const { url } = await ledgerDatabase();
  const proxied = { LETHE_TRUSTED_PROXIES: '10.0.0.7' };
  const withoutUrl = await start(url, proxied);
  await withoutUrl.listening();
  expect(withoutUrl.output()).toContain('set LETHE_PUBLIC_URL');
  const withUrl = await start(url, { ...proxied, LETHE_PUBLIC_URL: 'https://lethe.test' });
  await withUrl.listening();
  expect(withUrl.output()).not.toContain('LETHE_PUBLIC_URL');
});

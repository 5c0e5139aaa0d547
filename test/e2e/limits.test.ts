import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { connect, type Database } from '../../db/client.ts';
import { addMemberOrToken } from '../../db/members/members.ts';
import { freePort } from '../../dev/embedded/ports.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { onCleanup, type Service, startService } from './support/service.ts';

const CALLS_PER_MINUTE = 6;
const REFILL_MS = 10_000;

let ledger: Database;
let service: Service;
let urls: readonly string[];

beforeAll(async () => {
  const { url: ledgerUrl } = await ledgerDatabase();
  ledger = connect(ledgerUrl, { connections: 1 });
  onCleanup(() => ledger.$client.end({ timeout: 1 }));
  // These calls need neither a system nor Temporal.
  const [appUrl, temporalAddress] = [ledgerUrl, `127.0.0.1:${await freePort()}`];
  const config = join(import.meta.dirname, 'support/limited/lethe.config.ts');
  service = await startService({ ledgerUrl, appUrl, temporalAddress, config });
  urls = [service.apiUrl, (await service.startApi()).apiUrl];
}, 120_000);

async function listRequests(token: string, url: string) {
  const answer = await fetch(`${url}/v1/requests`, { headers: { authorization: `Bearer ${token}` } });
  const header = (name: string) => answer.headers.get(name);
  const remaining = /^"calls";r=(\d+);t=\d+$/.exec(header('RateLimit') ?? '')?.[1];
  return { status: answer.status, url, header, remaining: Number(remaining), body: await answer.text() };
}

test('enforces one budget per token across two processes', async () => {
  const since = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) => listRequests(service.token, urls[n % 2] ?? '')),
  );
  const regained = Math.floor((performance.now() - since) / REFILL_MS);
  const [passed, refused] = [200, 429].map((status) => answers.filter((answer) => answer.status === status));
  if (passed === undefined || refused === undefined) throw new Error('no answers');
  expect(passed.length + refused.length).toBe(60);
  expect(passed.length).toBeGreaterThanOrEqual(CALLS_PER_MINUTE);
  expect(passed.length).toBeLessThanOrEqual(CALLS_PER_MINUTE + regained);
  // The reported remaining calls never exceed the budget. Concurrent calls may report one call less.
  for (const [taken, remaining] of passed
    .map((answer) => answer.remaining)
    .toSorted((one, other) => other - one)
    .entries()) {
    const most = CALLS_PER_MINUTE - 1 - taken + regained;
    expect(remaining).toBeLessThanOrEqual(most);
    expect(remaining).toBeGreaterThanOrEqual(most - 1 - regained);
  }
  expect(new Set(refused.map(({ url }) => url))).toEqual(new Set(urls));
  for (const answer of answers) expect(answer.header('RateLimit-Policy')).toBe('"calls";q=6;w=60');
  for (const answer of refused) {
    expect(Number(answer.header('Retry-After'))).toBeGreaterThanOrEqual(1);
    // `Retry-After` rounds up and may be measured from an earlier call, so it may be one second more.
    expect(Number(answer.header('Retry-After'))).toBeLessThanOrEqual(REFILL_MS / 1_000 + 1);
    expect(answer.header('RateLimit')).toBe(`"calls";r=0;t=${answer.header('Retry-After')}`);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'rate_limited', 'violated-policies': ['calls'] });
  }
  const member = { project: 'demo', name: 'another', role: 'admin', actor: 'test', at: new Date() } as const;
  const { token } = await addMemberOrToken(ledger, member);
  for (const [n, url] of [...urls, ...urls, ...urls].entries())
    expect(await listRequests(token, url)).toMatchObject({
      status: 200,
      remaining: expect.any(Number),
      url: urls[n % 2],
    });
});

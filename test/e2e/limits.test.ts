import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { connect, type Database } from '../../db/client.ts';
import { memberWithToken } from '../../db/members/members.ts';
import { freePort } from '../../dev/embedded/ports.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { atTheEnd, type Service, startService } from './support/service.ts';

const CALLS_PER_MINUTE = 6;
const PART_MS = 10_000;

let ledger: Database;
let service: Service;
let urls: readonly string[];

beforeAll(async () => {
  const { url: ledgerUrl } = await ledgerDatabase();
  ledger = connect(ledgerUrl, { connections: 1 });
  atTheEnd(() => ledger.$client.end({ timeout: 1 }));
  // What is asked here needs neither a system nor Temporal.
  const [appUrl, temporalAddress] = [ledgerUrl, `127.0.0.1:${await freePort()}`];
  const config = join(import.meta.dirname, 'support/limited/lethe.config.ts');
  service = await startService({ ledgerUrl, appUrl, temporalAddress, config });
  urls = [service.apiUrl, (await service.startApi()).apiUrl];
}, 120_000);

async function ask(token: string, url: string) {
  const answer = await fetch(`${url}/v1/requests`, { headers: { authorization: `Bearer ${token}` } });
  const told = (name: string) => answer.headers.get(name);
  const left = /^"calls";r=(\d+);t=\d+$/.exec(told('RateLimit') ?? '')?.[1];
  return { status: answer.status, url, told, left: Number(left), body: await answer.text() };
}

test('two processes let one token through as often as its budget says, and another as often again', async () => {
  const since = performance.now();
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(service.token, urls[n % 2] ?? '')));
  const regained = Math.floor((performance.now() - since) / PART_MS);
  const [passed, refused] = [200, 429].map((status) => answers.filter((answer) => answer.status === status));
  if (passed === undefined || refused === undefined) throw new Error('no answers');
  expect(passed.length + refused.length).toBe(60);
  expect(passed.length).toBeGreaterThanOrEqual(CALLS_PER_MINUTE);
  expect(passed.length).toBeLessThanOrEqual(CALLS_PER_MINUTE + regained);
  // Whoever answered, nobody was told of more than was left; timestamps that arrive out of order may make it one less.
  for (const [taken, left] of passed
    .map((answer) => answer.left)
    .toSorted((one, other) => other - one)
    .entries()) {
    const most = CALLS_PER_MINUTE - 1 - taken + regained;
    expect(left).toBeLessThanOrEqual(most);
    expect(left).toBeGreaterThanOrEqual(most - 1 - regained);
  }
  expect(new Set(refused.map(({ url }) => url))).toEqual(new Set(urls));
  for (const answer of answers) expect(answer.told('RateLimit-Policy')).toBe('"calls";q=6;w=60');
  for (const answer of refused) {
    expect(Number(answer.told('Retry-After'))).toBeGreaterThanOrEqual(1);
    // Measured from a timestamp before that of a call which came through, it is a moment more than a part: a whole second.
    expect(Number(answer.told('Retry-After'))).toBeLessThanOrEqual(PART_MS / 1_000 + 1);
    expect(answer.told('RateLimit')).toBe(`"calls";r=0;t=${answer.told('Retry-After')}`);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'rate_limited', 'violated-policies': ['calls'] });
  }
  const member = { project: 'demo', name: 'another', role: 'admin', actor: 'test', at: new Date() } as const;
  const { token } = await memberWithToken(ledger, member);
  for (const [n, url] of [...urls, ...urls, ...urls].entries())
    expect(await ask(token, url)).toMatchObject({ status: 200, left: expect.any(Number), url: urls[n % 2] });
});

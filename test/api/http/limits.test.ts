import { expect, test } from 'vitest';
import { authenticate } from '../../../db/members/authenticate.ts';
import { tokenDigest } from '../../../db/members/tokens.ts';
import { bearerOf, PROJECT, START, testApi, type TestApi, type TestMember } from '../support/api.ts';

const limitedTo = (callsPerMinute: number): Promise<TestApi> =>
  testApi({ project: { ...PROJECT, policy: { ...PROJECT.policy, callsPerMinute } } });

const callApi = async (api: TestApi, member: TestMember = api.owner) => {
  const { status, headers, json } = await api.call('GET', '/v1/requests?project=demo', undefined, {
    ...bearerOf(member),
  });
  const limits = ['RateLimit-Policy', 'RateLimit', 'Retry-After'].map((name) => headers.get(name));
  return { status, limits, json };
};
const at = (seconds: number): Date => new Date(START.getTime() + seconds * 1_000);
const POLICY = '"calls";q=5;w=60';
const passed = (left: number, t: number): unknown =>
  expect.objectContaining({ status: 200, limits: [POLICY, `"calls";r=${left};t=${t}`, null] });
const refused = (t: number): unknown =>
  expect.objectContaining({ status: 429, limits: [POLICY, `"calls";r=0;t=${t}`, String(t)] });

test('allows the calls of one minute at once and restores them evenly up to the limit', async () => {
  const api = await limitedTo(5);
  for (const left of [4, 3, 2, 1, 0]) expect(await callApi(api)).toEqual(passed(left, 12));
  expect(await callApi(api)).toEqual(refused(12));
  api.clock.now = at(5);
  expect(await callApi(api)).toEqual(refused(7));
  api.clock.now = at(11.999);
  expect(await callApi(api)).toEqual(refused(1));
  api.clock.now = at(12);
  expect(await callApi(api)).toEqual(passed(0, 12));
  expect(await callApi(api)).toEqual(refused(12));
  api.clock.now = at(38);
  expect(await callApi(api)).toEqual(passed(1, 10));
  // A day without calls does not add to the limit.
  api.clock.now = at(86_400);
  for (const left of [4, 3, 2, 1, 0]) expect(await callApi(api)).toEqual(passed(left, 12));
  expect(await callApi(api)).toEqual(refused(12));
});

test('returns the limit and changes nothing when a call is rejected', async () => {
  const api = await limitedTo(5);
  for (let call = 0; call < 5; call += 1) await callApi(api);
  const slots = () => api.sql`SELECT * FROM lethe.slots`;
  const before = await slots();
  api.clock.now = at(6);
  for (let call = 0; call < 30; call += 1) expect((await callApi(api)).status).toBe(429);
  expect((await callApi(api)).json).toEqual({
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: expect.any(String),
    status: 429,
    detail: expect.stringMatching(
      /^The token has used its 5 calls per minute\. Nothing was changed; retry in \d+ s\.$/,
    ),
    instance: expect.any(String),
    code: 'rate_limited',
    'violated-policies': ['calls'],
  });
  const deletion = await api.call('POST', '/v1/requests', { project: 'demo' });
  expect(deletion.status).toBe(429);
  expect(await slots()).toEqual(before);
  expect(await api.sql`SELECT FROM lethe.requests`).toHaveLength(0);
  api.clock.now = at(12);
  expect((await callApi(api)).status).toBe(200);
});

test('limits each token separately', async () => {
  const api = await limitedTo(5);
  const other = await api.member('another');
  for (let call = 0; call < 6; call += 1) await callApi(api);
  expect(await callApi(api)).toEqual(refused(12));
  expect(await callApi(api, other)).toEqual(passed(4, 12));
  // The project is not configured in this API, so the default limit applies.
  const elsewhere = await callApi(api, api.otherOwner);
  expect(elsewhere.limits.slice(0, 2)).toEqual(['"calls";q=600;w=60', '"calls";r=599;t=1']);
});

test('does not count or report calls with an invalid token', async () => {
  const api = await limitedTo(5);
  api.clock.now = at(366 * 86_400);
  expect(await callApi(api)).toMatchObject({ status: 401, limits: [null, null, null] });
  expect(await callApi(api, { ...api.owner, token: `${api.owner.token}0` })).toMatchObject({ status: 401 });
  expect(await api.sql`SELECT FROM lethe.slots`).toHaveLength(0);
});

const authenticateAs = (api: TestApi, member: TestMember, when: Date, perMinute: number) => {
  const sha256 = tokenDigest(member.token);
  if (sha256 === null) throw new Error('the token is malformed');
  return authenticate(api.database, { sha256, at: when, budgets: [{ project: 'demo', perMinute }] });
};
const countAllowed = async (api: TestApi, timestamps: readonly Date[], perMinute: number, member = api.owner) => {
  const calls = await Promise.all(timestamps.map((when) => authenticateAs(api, member, when, perMinute)));
  return calls.filter((call) => call?.isAllowed === true).length;
};

test.each([1, 7, 9, 11, 13, 59, 90, 600])('allows exactly %i calls per minute', async (perMinute) => {
  const api = await testApi();
  const together = Array.from({ length: perMinute + 20 }, () => START);
  expect(await countAllowed(api, together, perMinute)).toBe(perMinute);
  // After a minute and the rounding of its parts, all calls are available again.
  const later = together.map(() => at(60.001));
  expect(await countAllowed(api, later, perMinute)).toBe(perMinute);
});

test('shares one limit between processes whose clocks differ by seconds', async () => {
  const api = await testApi();
  const skewed = Array.from({ length: 300 }, (_, n) => at([0, 2.5, -1.5, 0.003][n % 4] ?? 0));
  // The skew restores or costs less than one call.
  expect([9, 10]).toContain(await countAllowed(api, skewed, 10));
  expect(await countAllowed(api, skewed, 10)).toBe(0);
});

test('does not block a token or allow extra calls when the clock is set back', async () => {
  const api = await testApi();
  const calls = (when: Date) => Array.from({ length: 10 }, () => when);
  expect(await countAllowed(api, calls(at(7_200)), 5)).toBe(5);
  expect(await countAllowed(api, calls(at(7_190)), 5)).toBe(0);
  expect(await countAllowed(api, calls(at(3_600)), 5)).toBe(5);
  expect(await countAllowed(api, calls(at(3_600)), 5)).toBe(0);
  expect(await countAllowed(api, calls(at(3_612)), 5)).toBe(1);
});

test('sends one statement per call and updates the last use once for 100 concurrent calls', async () => {
  const api = await testApi();
  await api.sql.unsafe(`
    CREATE TABLE marks (at timestamptz);
    CREATE FUNCTION marked() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO marks VALUES (NEW.last_used_at); RETURN NULL; END';
    CREATE TRIGGER marked AFTER UPDATE ON lethe.tokens FOR EACH ROW EXECUTE FUNCTION marked()`);
  const marks = async () => (await api.sql<{ at: Date }[]>`SELECT at FROM marks ORDER BY at`).map((mark) => mark.at);
  api.statements();
  const calls = (seconds: number) => Array.from({ length: 100 }, () => at(seconds));
  await countAllowed(api, calls(0), 1_000);
  expect(api.statements()).toHaveLength(100);
  await countAllowed(api, calls(59), 1_000);
  expect(await marks()).toEqual([START]);
  await countAllowed(api, calls(60), 1_000);
  expect(await marks()).toEqual([START, at(60)]);
});

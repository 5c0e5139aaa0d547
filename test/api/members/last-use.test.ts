import { expect, test } from 'vitest';
import { bearerOf, type By, START, testApi, textOf } from '../support/api.ts';

const api = await testApi();
const ann = await api.member('ann');
const call = (by: By, method: string, path: string, body?: unknown) => api.call(method, path, body, bearerOf(by));
const createToken = async (by: By) => {
  const answer = await call(by, 'POST', '/v1/tokens', { name: 'job' });
  return { id: textOf(answer, 'id'), token: textOf(answer, 'token') };
};

test('writes the last use at most once a minute', async () => {
  const { id, token } = await createToken(ann);
  const writes = async () => {
    const [row] = await api.sql<{ version: string; lastUsedAt: Date | null }[]>`
      SELECT xmin::text AS version, last_used_at FROM lethe.tokens WHERE id = ${id}`;
    return row;
  };
  const use = async (afterMs: number) => {
    api.clock.now = new Date(START.getTime() + afterMs);
    await call(token, 'GET', '/v1/tokens?limit=1');
    return writes();
  };
  expect((await writes())?.lastUsedAt).toBeNull();
  const first = await use(0);
  expect(first?.lastUsedAt).toEqual(START);
  expect(await use(1)).toEqual(first);
  expect(await use(59_999)).toEqual(first);
  const next = await use(60_000);
  expect(next).not.toEqual(first);
  expect(next?.lastUsedAt).toEqual(new Date(START.getTime() + 60_000));
  await call(ann, 'DELETE', `/v1/tokens/${id}`);
  const revoked = await writes();
  expect(await use(500_000)).toEqual(revoked);
});

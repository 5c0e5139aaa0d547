import { afterAll, beforeEach, expect, test } from 'vitest';
import { type Api, pages, path } from '../../../connectors/http/index.ts';
import { startFaultyServer } from '../../support/servers/faulty.ts';
import { batchOf, openAt, settingsAt, testContext, testDeletion } from './fixture.ts';

const server = await startFaultyServer();
beforeEach(() => server.clear());
afterAll(() => server.close());

async function collect(iterate: (api: Api) => AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  const connector = openAt(
    settingsAt(server.url, {
      erase: async (api) => {
        for await (const item of iterate(api)) items.push(item);
      },
    }),
  );
  try {
    await connector.hardDelete(batchOf(1), testDeletion(), testContext());
  } finally {
    await connector.close();
  }
  return items;
}

const list = (json: unknown): readonly unknown[] => (Array.isArray(json) ? json : []);
const queryOf = (call: { readonly path: string }): Record<string, string> =>
  Object.fromEntries(new URL(call.path, 'http://x').searchParams);

test('follows links of the header to the last page', async () => {
  server.reply = (call) => {
    const page = Number(queryOf(call)['page'] ?? '1');
    const link =
      page < 3
        ? { link: `<${server.url}/x?page=1>; rel="first", <${server.url}/x?page=${page + 1}>; rel="next"` }
        : undefined;
    return { status: 200, json: [page], ...(link === undefined ? {} : { headers: link }) };
  };
  expect(await collect((api) => pages.link(api, path`/x`, { items: list, query: { size: 1 } }))).toEqual([1, 2, 3]);
  expect(server.calls.map((call) => call.path)).toEqual(['/x?size=1', '/x?page=2', '/x?page=3']);
});

test('does not follow a link to another host', async () => {
  server.reply = () => ({ status: 200, json: [1], headers: { link: '<https://evil.example/x>; rel="next"' } });
  const call = collect((api) => pages.link(api, path`/x`, { items: list }));
  await expect(call).rejects.toMatchObject({ reason: 'foreign_host', retryable: false });
});

test('follows a cursor in the query and in the body', async () => {
  server.reply = ({ path: at, body }) => {
    const cursor = body === '' ? queryOf({ path: at })['after'] : (JSON.parse(body) as { after?: string }).after;
    return { status: 200, json: cursor === undefined ? { items: ['a'], next: 'c2' } : { items: ['b'], next: null } };
  };
  interface Page {
    readonly items: readonly string[];
    readonly next: string | null;
  }
  const options = { items: (json: unknown) => (json as Page).items, cursor: (json: unknown) => (json as Page).next };
  expect(await collect((api) => pages.cursor(api, path`/x`, { ...options, param: 'after' }))).toEqual(['a', 'b']);
  const inBody = { ...options, method: 'POST', json: { q: 1 }, param: { in: 'json', key: 'after' } } as const;
  expect(await collect((api) => pages.cursor(api, path`/x`, inBody))).toEqual(['a', 'b']);
  expect(server.calls.map(({ body }) => body)).toEqual(['', '', '{"q":1}', '{"q":1,"after":"c2"}']);
});

test('counts entries or pages up to a page that is not full', async () => {
  const all = ['a', 'b', 'c'];
  server.reply = (call) => {
    const { offset, page, limit = '2' } = queryOf(call);
    const start = page === undefined ? Number(offset) : (Number(page) - 1) * Number(limit);
    return { status: 200, json: all.slice(start, start + Number(limit)) };
  };
  expect(await collect((api) => pages.offset(api, path`/x`, { items: list, limit: 2 }))).toEqual(all);
  expect(await collect((api) => pages.offset(api, path`/x`, { items: list, limit: 2, pageParam: 'page' }))).toEqual(
    all,
  );
  expect(server.calls.map(queryOf)).toEqual([
    { limit: '2', offset: '0' },
    { limit: '2', offset: '2' },
    { limit: '2', page: '1' },
    { limit: '2', page: '2' },
  ]);
});

test('refuses pages that repeat, and more pages than any batch has', async () => {
  server.reply = () => ({ status: 200, json: [1] });
  const repeated = collect((api) => pages.cursor(api, path`/x`, { items: list, cursor: () => 'same', param: 'after' }));
  await expect(repeated).rejects.toMatchObject({ reason: 'too_many_pages', retryable: false });
  expect(server.calls).toHaveLength(2);
  const endless = collect((api) => pages.offset(api, path`/x`, { items: list, limit: 1 }));
  await expect(endless).rejects.toMatchObject({ reason: 'too_many_pages' });
  expect(server.calls).toHaveLength(1_002);
});

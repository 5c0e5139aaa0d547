import { serve } from '@hono/node-server';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { newId } from '../../../domain/ids.ts';
import { actions, activity, CSV, type Event, eventsOf, log } from '../support/events.ts';
import { givenHiddenSubjects } from '../support/ledger.ts';
import { bearerOf, deletionOf, START, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();

/** The records that a spreadsheet reads, by the names in the header row. */
const recordsOf = (text: string): readonly Record<string, string>[] => parse(text, { columns: true });
const asRecord = ({ detail, ...event }: Event) => ({
  ...Object.fromEntries(Object.entries(event).map(([name, value]) => [name, value === null ? '' : String(value)])),
  detail: JSON.stringify(detail),
});

test('returns only the events that match the filters, as JSON and as CSV', async () => {
  const fay = await api.member('fay');
  api.clock.now = new Date(START.getTime() + DAY_MS);
  const hold = { project: 'demo', kind: 'user', identities: [user('f')], caseRef: 'C-8', heldBy: 'counsel' };
  const holdId = textOf(await api.call('POST', '/v1/holds', hold, bearerOf(fay)), 'id');
  api.clock.now = new Date(START.getTime() + 2 * DAY_MS);
  await api.call('DELETE', `/v1/holds/${holdId}`, undefined, bearerOf(fay));
  api.clock.now = START;
  const [first, second] = [1, 2].map((days) => new Date(START.getTime() + days * DAY_MS).toISOString());
  const byFay = `actor=${fay.memberId}`;
  for (const [query, expected] of [
    [byFay, ['hold.released', 'hold.placed']],
    [`${byFay}&action=hold.*`, ['hold.released', 'hold.placed']],
    [`${byFay}&action=hold.placed`, ['hold.placed']],
    [`${byFay}&action=hol.*`, []],
    [`${byFay}&action=request.*`, []],
    [`${byFay}&from=${second}`, ['hold.released']],
    [`${byFay}&before=${second}`, ['hold.placed']],
    [`${byFay}&from=${first}&before=${second}`, ['hold.placed']],
    [`${byFay}&requestId=${newId('request', 0)}`, []],
    ['actor=unknown', []],
  ] as const) {
    expect({ query, found: actions(await activity(api, query)) }).toEqual({ query, found: expected });
    const csv = await api.call('GET', `/v1/activity?${query}`, undefined, CSV);
    expect(recordsOf(csv.text)).toEqual((await activity(api, query)).map(asRecord));
  }
  expect(new Set(actions(await activity(api, 'action=hold.*')))).toEqual(new Set(['hold.placed', 'hold.released']));
});

test('returns every event once, newest first, while new events are recorded', async () => {
  const gus = await api.member('gus');
  const recordEvent = () => api.call('POST', '/v1/requests', deletionOf([user('g')]), bearerOf(gus));
  for (let index = 0; index < 7; index += 1) await recordEvent();
  const before = await activity(api, `actor=${gus.memberId}`);
  const seen: Event[] = [];
  for (let next: string | undefined = `/v1/activity?actor=${gus.memberId}&limit=3`; next !== undefined;) {
    api.statements();
    const page = await api.call('GET', next);
    expect(api.statements()).toHaveLength(2);
    seen.push(...eventsOf(page));
    next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('Link') ?? '')?.[1];
    await recordEvent();
  }
  expect(seen).toEqual(before);
  expect(seen).toHaveLength(7);
});

test('hides events of requests of other kinds when a token is limited to some kinds', async () => {
  const created = await api.call('POST', '/v1/tokens', { name: 'exports', kinds: ['export'], access: 'read' });
  const limited = bearerOf(textOf(created, 'token'));
  const id = await givenHiddenSubjects(api, 'limited');
  const seen = await activity(api, '', limited);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).toEqual((await activity(api)).filter(({ requestId }) => requestId === null));
  const csv = await api.call('GET', '/v1/activity', undefined, { ...limited, ...CSV });
  expect(csv.text).not.toContain('req_');
  for (const accept of ['application/json', 'text/csv']) {
    const rejected = await api.call('GET', `/v1/requests/${id}/log`, undefined, { ...limited, Accept: accept });
    expect(rejected.json).toMatchObject({ code: 'forbidden', needs: ['deletion'] });
  }
});

test('returns a CSV file with escaped formulas when Accept is text/csv', async () => {
  const formula = await api.member('=HYPERLINK("http://x.test","a ""b"", c")');
  const id = textOf(await api.call('POST', '/v1/requests', deletionOf([user('csv')]), bearerOf(formula)), 'id');
  const csv = await api.call('GET', `/v1/requests/${id}/log`, undefined, CSV);
  expect(csv.headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
  expect(csv.headers.get('Content-Disposition')).toBe(`attachment; filename="lethe-log-${id}.csv"`);
  expect(csv.headers.get('Vary')).toContain('Accept');
  expect(csv.text.split('\n')[0]).toBe('id,at,requestId,actor,actorName,action,detail');
  expect(recordsOf(csv.text)).toMatchObject([
    {
      at: START.toISOString(),
      requestId: id,
      actor: formula.memberId,
      actorName: '\'=HYPERLINK("http://x.test","a ""b"", c")',
      action: 'request.received',
    },
  ]);
  expect(JSON.parse(recordsOf(csv.text)[0]?.['detail'] ?? '')).toEqual((await log(api, id))[0]?.detail);
  const empty = await api.call('GET', '/v1/activity?actor=unknown', undefined, CSV);
  expect(empty.text).toBe('id,at,requestId,actor,actorName,action,detail\n');
  for (const accept of ['*/*', 'application/json', 'application/json, text/csv;q=0.5', 'text/html']) {
    const json = await api.call('GET', `/v1/requests/${id}/log`, undefined, { Accept: accept });
    expect(eventsOf(json)).toHaveLength(1);
  }
});

test('rejects invalid filters and pages of a CSV without quoting them', async () => {
  for (const [query, pointer, headers] of [
    ['requestId=canary', '/requestId', {}],
    ['actor=', '/actor', {}],
    ['actor=canary%00', '/actor', {}],
    ['action=canary', '/action', {}],
    ['action=*.canary', '/action', {}],
    ['from=canary', '/from', {}],
    ['before=0000-01-01T00:00:00Z', '/before', {}],
    ['limit=201', '/limit', {}],
    ['cursor=canary', '/cursor', {}],
    ['canary=1', '', CSV],
    ['limit=100', '/limit', CSV],
    ['cursor=canary', '/cursor', CSV],
  ] as const) {
    const answer = await api.call('GET', `/v1/activity?${query}`, undefined, headers);
    expect({ query, ...(answer.json as object) }).toMatchObject({
      query,
      code: 'invalid_request',
      errors: [{ in: 'query', pointer }],
    });
    expect(answer.text).not.toContain('canary');
  }
  const other = await api.call('GET', '/v1/activity?project=other', undefined, bearerOf(api.owner));
  expect(other.json).toMatchObject({ status: 404, code: 'project_not_found' });
});

const ROWS = 50_000;
const PAGE = 1_000;
const MANY = '/v1/activity?action=test.made';

test('streams 50 000 events in pages and stops reading when the caller cancels', async () => {
  await api.sql`
    INSERT INTO lethe.audit_events (at, project, actor, action, detail)
    SELECT ${START}::timestamptz + n / 3 * interval '1 second', 'demo', ${api.owner.memberId}, 'test.made',
           jsonb_build_object('number', n, 'text', repeat('x', 600))
    FROM generate_series(1, ${ROWS}) n`;
  const download = (path: string) =>
    api.app.request(path, { headers: { ...bearerOf(api.owner), ...CSV } }, { incoming: { socket: api.peer } });

  api.statements();
  const numbers = recordsOf(await (await download(MANY)).text()).map(
    ({ detail = '' }) => (JSON.parse(detail) as { number: number }).number,
  );
  expect(numbers).toEqual(Array.from({ length: ROWS }, (_, index) => ROWS - index));
  // Each page, the empty page after the last full one, and the authentication.
  expect(api.statements()).toHaveLength(ROWS / PAGE + 1 + 1);

  const reader = (await download(MANY)).body?.getReader();
  for (let chunks = 0; chunks < 3; chunks += 1) expect((await reader?.read())?.done).toBe(false);
  await waitForStatements();
  const taken = api.statements().length;
  expect(taken).toBeLessThanOrEqual(3 + 2);
  await reader?.cancel();
  await waitForStatements();
  expect(api.statements()).toEqual([]);
  expect(await busyConnections()).toBe(0);
});

/** Long enough for an unwanted statement to be sent. */
const waitForStatements = () => new Promise((done) => setTimeout(done, 200));

async function busyConnections(): Promise<number> {
  const [row] = await api.sql<{ busy: number }[]>`
    SELECT count(*) AS busy FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
      AND state <> 'idle' AND pid <> pg_backend_pid()`;
  return row?.busy ?? -1;
}

test('stops reading when the caller disconnects and aborts the response when the database fails', async () => {
  const { url, close } = await startServer();
  try {
    const headers = { ...bearerOf(api.owner), ...CSV };
    api.statements();
    const disconnect = new AbortController();
    const response = await fetch(`${url}${MANY}`, { headers, signal: disconnect.signal });
    await response.body?.getReader().read();
    disconnect.abort();
    await waitForStatements();
    // The socket's buffers accept some pages before the connection closes.
    expect(api.statements().length).toBeLessThan(ROWS / PAGE);
    await waitForStatements();
    expect(api.statements()).toEqual([]);
    expect(await busyConnections()).toBe(0);

    const failing = await fetch(`${url}${MANY}`, { headers });
    await api.sql`ALTER TABLE lethe.audit_events RENAME TO audit_events_away`;
    expect(failing.status).toBe(200);
    await expect(failing.text()).rejects.toThrow('terminated');
    expect(api.log.join('')).toMatch(/"code":"42P01".*"msg":"CSV download aborted"/);
    const away = await fetch(`${url}${MANY}`, { headers });
    expect([away.status, away.headers.get('Content-Type')]).toEqual([500, 'application/problem+json']);
    await api.sql`ALTER TABLE lethe.audit_events_away RENAME TO audit_events`;
    expect((await fetch(`${url}/v1/activity?limit=1`, { headers: bearerOf(api.owner) })).status).toBe(200);
  } finally {
    await close();
  }
});

async function startServer() {
  const { server, port } = await new Promise<{ server: ReturnType<typeof serve>; port: number }>((done) => {
    const server = serve({ fetch: api.app.fetch, hostname: '127.0.0.1', port: 0 }, (info) =>
      done({ server, port: info.port }),
    );
  });
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise<void>((done) => server.close(() => done())),
  };
}

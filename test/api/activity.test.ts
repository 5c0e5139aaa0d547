import { serve } from '@hono/node-server';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { storeCount } from '../../db/counts.ts';
import { underProjectLock } from '../../db/project-lock.ts';
import { raiseAttention } from '../../db/raise-attention.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import { newId } from '../../domain/ids.ts';
import { calledOf, claimAt, deleteFirstBatch, end, follow, hide, matchesOf, matchOf, resolve } from './ledger.ts';
import { accepted, type Answer, carrying, deletionOf, RUN, START, testApi, textOf, user } from './support.ts';
import { upload } from './upload.ts';

const api = await testApi();
const CSV = { Accept: 'text/csv' };

interface Event {
  readonly id: number;
  readonly at: string;
  readonly requestId: string | null;
  readonly actor: string;
  readonly actorName: string | null;
  readonly action: string;
  readonly detail: Record<string, unknown>;
}
const eventsOf = (answer: Answer) => (answer.json as { items: readonly Event[] }).items;
const activity = async (query = '', headers: Record<string, string> = {}) =>
  eventsOf(await api.call('GET', `/v1/activity?limit=200&${query}`, undefined, headers));
const log = async (id: string) => eventsOf(await api.call('GET', `/v1/requests/${id}/log`));
const actions = (events: readonly Event[]) => events.map(({ action }) => action);

/** What a spreadsheet would read: one record per line, by the names of the first. */
const recordsOf = (text: string): readonly Record<string, string>[] => parse(text, { columns: true });
const asRecord = ({ detail, ...event }: Event) => ({
  ...Object.fromEntries(Object.entries(event).map(([name, value]) => [name, value === null ? '' : String(value)])),
  detail: JSON.stringify(detail),
});

async function hidden(...names: readonly string[]) {
  const id = await accepted(api, names.map(user));
  await hide(api.database, id, matchesOf(names), START);
  return id;
}
const inAttention = (requestId: string, processor: string) =>
  underProjectLock(api.database, 'demo', async (tx) => {
    const key = { project: 'demo', requestId, processor, step: 'delete', batch: 1 } as const;
    await raiseAttention(tx, key, { code: 'processor_refused', at: RUN, retryAt: null });
    await tx`UPDATE lethe.batch_work SET state = 'attention' WHERE request_id = ${requestId} AND processor = ${processor}`;
  });

test('whatever a caller changes is in the activity under its name, and what Lethe does under none', async () => {
  const dora = await api.member('Dora Dahl');
  const as = carrying(dora);
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await api.call(method, path, body, as);
    expect({ path, ok: answer.status < 300 }).toEqual({ path, ok: true });
    return answer;
  };
  const submit = async (...names: readonly string[]) => {
    const id = textOf(await call('POST', '/v1/requests', deletionOf(names.map(user))), 'id');
    await hide(api.database, id, matchesOf(names), START);
    return id;
  };
  const open = await submit('d-1', 'd-2');
  await call('POST', `/v1/requests/${open}/cancel`, { positions: [2] });
  await call('POST', `/v1/requests/${open}/expedite`, { when: 'now', reason: 'ticket 1' });
  const stuck = await submit('d-3');
  await claimAt(api.database, stuck, RUN);
  for (const processor of ['app', 'mail']) await inAttention(stuck, processor);
  await call('POST', `/v1/requests/${stuck}/retry`, { processor: 'app', reason: 'ticket 2' });
  await call('POST', `/v1/requests/${stuck}/skip`, { processor: 'mail', reason: 'ticket 3' });
  const counted = textOf(await call('POST', '/v1/requests', deletionOf([user('d-4')], { confirm: true })), 'id');
  await resolve(api.database, counted, [matchOf(1, 'd-4')], START);
  await storeCount(api.database, { requestId: counted, processor: 'app' }, { 'app.users': 1 });
  await storeCount(api.database, { requestId: counted, processor: 'mail' }, null);
  await follow(api.database, counted, START);
  await call('POST', `/v1/requests/${counted}/confirm`, { expectedCount: 1 });
  expect((await upload(api, 'user_id\nd-5\n', {}, as)).status).toBe(202);
  const identity = user('d-1');
  const hold = { project: 'demo', kind: 'user', identities: [identity], caseRef: 'C-7', heldBy: 'counsel' };
  const holdId = textOf(await call('POST', '/v1/holds', hold), 'id');
  await call('DELETE', `/v1/holds/${holdId}`);
  for (const method of ['POST', 'DELETE']) {
    await call(method, '/v1/suppressions', { project: 'demo', kind: 'user', identity });
  }
  const token = textOf(await call('POST', '/v1/tokens', { name: 'job' }), 'id');
  await call('DELETE', `/v1/tokens/${token}`);
  const member = textOf(await call('POST', '/v1/members', { name: 'Emil', role: 'admin' }), 'id');
  await call('DELETE', `/v1/members/${member}`);

  const doras = await activity(`actor=${dora.memberId}`);
  expect(new Set(doras.map(({ actorName }) => actorName))).toEqual(new Set(['Dora Dahl']));
  expect(actions(doras).toReversed()).toEqual([
    'request.received',
    'subjects.cancelled',
    'request.expedited',
    'request.received',
    'processor.retried',
    'processor.skipped',
    'request.received',
    'request.confirmed',
    'request.received',
    'hold.placed',
    'hold.released',
    'suppression.placed',
    'suppression.lifted',
    'token.minted',
    'token.revoked',
    'member.added',
    'token.minted',
    'member.removed',
  ]);
  expect(doras.find(({ action }) => action === 'processor.skipped')).toMatchObject({
    requestId: stuck,
    detail: { processor: 'mail', reason: 'ticket 3' },
  });
  const byItself = await activity('actor=lethe');
  expect(actions(byItself)).toContain('subjects.claimed');
  expect(new Set(byItself.map(({ actorName }) => actorName))).toEqual(new Set([null]));
  const [names] = await api.database`
    SELECT (SELECT array_agg(DISTINCT submitted_by) FROM lethe.requests WHERE id IN (${open}, ${stuck})) AS submitted,
           (SELECT skipped_by FROM lethe.batch_work WHERE request_id = ${stuck} AND state = 'skipped') AS skipped,
           (SELECT released_by FROM lethe.holds WHERE id = ${holdId}) AS released`;
  expect(names).toEqual({ submitted: [dora.memberId], skipped: dora.memberId, released: dora.memberId });
});

test('why something is deleted before its time is in the trail, asked for at once or later', async () => {
  const expedite = { when: 'next_run', reason: 'ticket 8' };
  const id = await accepted(api, [user('hasty')], { expedite });
  await api.call('POST', `/v1/requests/${id}/expedite`, { when: 'now', reason: 'ticket 9' });
  expect(await log(id)).toMatchObject([
    { action: 'request.received', detail: { expedite: 'next_run', reason: 'ticket 8' } },
    { action: 'request.expedited', detail: { expedite: 'now', reason: 'ticket 9' } },
  ]);
});

test('a refused call writes nothing into the trail', async () => {
  const id = await hidden('refused');
  const before = await activity();
  for (const [verb, body] of [
    ['retry', { reason: 'ticket' }],
    ['skip', { processor: 'app', reason: 'ticket' }],
    ['cancel', { positions: [99] }],
    ['expedite', { when: 'yesterday', reason: 'ticket' }],
  ] as const) {
    expect((await api.call('POST', `/v1/requests/${id}/${verb}`, body)).status).toBeGreaterThanOrEqual(400);
  }
  expect(await activity()).toEqual(before);
});

test('a log is of its request alone, from acceptance to the end; another project does not know of it', async () => {
  const id = await hidden('l-1');
  const other = await hidden('l-2');
  await claimAt(api.database, id, RUN);
  await follow(api.database, id, RUN);
  await deleteFirstBatch(api.database, id, RUN);
  await end(api.database, id, new Date(RUN.getTime() + 2 * DAY_MS));
  const events = await log(id);
  expect(new Set(events.map(({ requestId }) => requestId))).toEqual(new Set([id]));
  expect(actions(events).at(0)).toBe('request.received');
  expect(actions(events).at(-1)).toBe('request.completed');
  expect(events.map((event) => event.id)).toEqual(events.map((event) => event.id).toSorted((a, b) => a - b));
  expect(actions(await log(other))).not.toContain('subjects.claimed');
  expect(await activity(`requestId=${id}`)).toHaveLength(events.length);
  expect((await api.call('GET', `/v1/requests/${id}`)).json).toMatchObject({
    links: { log: `/v1/requests/${id}/log` },
  });

  const theirs = carrying(api.otherOwner);
  expect(await activity(`requestId=${id}`, theirs)).toEqual([]);
  for (const accept of ['application/json', 'text/csv']) {
    const [foreign, unknown] = await Promise.all(
      [id, newId('request', 0)].map((one) =>
        api.call('GET', `/v1/requests/${one}/log`, undefined, { ...theirs, Accept: accept }),
      ),
    );
    expect(foreign?.json).toMatchObject({ status: 404, code: 'request_not_found' });
    expect({ ...(foreign?.json as object), instance: null }).toEqual({ ...(unknown?.json as object), instance: null });
  }
});

test('each filter of the activity lets through what it names and nothing else', async () => {
  const fay = await api.member('fay');
  api.clock.now = new Date(START.getTime() + DAY_MS);
  const hold = { project: 'demo', kind: 'user', identities: [user('f')], caseRef: 'C-8', heldBy: 'counsel' };
  const holdId = textOf(await api.call('POST', '/v1/holds', hold, carrying(fay)), 'id');
  api.clock.now = new Date(START.getTime() + 2 * DAY_MS);
  await api.call('DELETE', `/v1/holds/${holdId}`, undefined, carrying(fay));
  api.clock.now = START;
  const [first, second] = [1, 2].map((days) => new Date(START.getTime() + days * DAY_MS).toISOString());
  const fays = `actor=${fay.memberId}`;
  for (const [query, expected] of [
    [fays, ['hold.released', 'hold.placed']],
    [`${fays}&action=hold.*`, ['hold.released', 'hold.placed']],
    [`${fays}&action=hold.placed`, ['hold.placed']],
    [`${fays}&action=hol.*`, []],
    [`${fays}&action=request.*`, []],
    [`${fays}&from=${second}`, ['hold.released']],
    [`${fays}&before=${second}`, ['hold.placed']],
    [`${fays}&from=${first}&before=${second}`, ['hold.placed']],
    [`${fays}&requestId=${newId('request', 0)}`, []],
    ['actor=nobody', []],
  ] as const) {
    expect({ query, found: actions(await activity(query)) }).toEqual({ query, found: expected });
    const csv = await api.call('GET', `/v1/activity?${query}`, undefined, CSV);
    expect(recordsOf(csv.text)).toEqual((await activity(query)).map(asRecord));
  }
  expect(new Set(actions(await activity('action=hold.*')))).toEqual(new Set(['hold.placed', 'hold.released']));
});

test('newest first, in pages, each once while more happens, and a page is one statement', async () => {
  const gus = await api.member('gus');
  const happen = () => api.call('POST', '/v1/requests', deletionOf([user('g')]), carrying(gus));
  for (let index = 0; index < 7; index += 1) await happen();
  const before = await activity(`actor=${gus.memberId}`);
  const seen: Event[] = [];
  for (let next: string | undefined = `/v1/activity?actor=${gus.memberId}&limit=3`; next !== undefined;) {
    api.statements();
    const page = await api.call('GET', next);
    expect(api.statements()).toHaveLength(2);
    seen.push(...eventsOf(page));
    next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('Link') ?? '')?.[1];
    await happen();
  }
  expect(seen).toEqual(before);
  expect(seen).toHaveLength(7);
});

test('a token that is limited to kinds sees no event of other requests, and those that are of none', async () => {
  const minted = await api.call('POST', '/v1/tokens', { name: 'exports', kinds: ['export'], access: 'read' });
  const limited = carrying(textOf(minted, 'token'));
  const id = await hidden('limited');
  const seen = await activity('', limited);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).toEqual((await activity()).filter(({ requestId }) => requestId === null));
  const csv = await api.call('GET', '/v1/activity', undefined, { ...limited, ...CSV });
  expect(csv.text).not.toContain('req_');
  for (const accept of ['application/json', 'text/csv']) {
    const refused = await api.call('GET', `/v1/requests/${id}/log`, undefined, { ...limited, Accept: accept });
    expect(refused.json).toMatchObject({ code: 'forbidden', needs: ['deletion'] });
  }
});

test('a CSV is a file with a name of ours, and a name that is a formula stays a text in it', async () => {
  const formula = await api.member('=HYPERLINK("http://x.test","a ""b"", c")');
  const id = textOf(await api.call('POST', '/v1/requests', deletionOf([user('csv')]), carrying(formula)), 'id');
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
  expect(JSON.parse(recordsOf(csv.text)[0]?.['detail'] ?? '')).toEqual((await log(id))[0]?.detail);
  const nothing = await api.call('GET', '/v1/activity?actor=nobody', undefined, CSV);
  expect(nothing.text).toBe('id,at,requestId,actor,actorName,action,detail\n');
  for (const accept of ['*/*', 'application/json', 'application/json, text/csv;q=0.5', 'text/html']) {
    const json = await api.call('GET', `/v1/requests/${id}/log`, undefined, { Accept: accept });
    expect(eventsOf(json)).toHaveLength(1);
  }
});

test('a filter that cannot be, and a page of a CSV, is a problem that quotes nothing', async () => {
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
  const other = await api.call('GET', '/v1/activity?project=other', undefined, carrying(api.owner));
  expect(other.json).toMatchObject({ status: 404, code: 'project_not_found' });
});

test('after a whole story no identity is in activity or log, neither as a page nor as a file', async () => {
  const email = { type: 'email', value: ['Canary-ann@x.test', 'canary-berlin'] };
  const id = await accepted(
    api,
    [user('canary-1'), { type: 'alias', value: 'canary-alias' }, email, user('canary-4'), user('canary-1')],
    { suppress: true, expedite: { when: 'next_run', reason: 'ticket 5' } },
  );
  const run = new Date('2026-11-24T02:00:00.000Z');
  await hide(
    api.database,
    id,
    [
      matchOf(1, 'canary-1'),
      matchOf(2, 'canary-2'),
      matchOf(3, 'canary-3'),
      matchOf(4, 'canary-4'),
      calledOf('canary-3', 'email', ['canary-ann@x.test', 'canary-berlin']),
      calledOf('canary-2', 'alias', ['canary-alias'], 1),
    ],
    START,
  );
  const hold = { project: 'demo', kind: 'user', identities: [email, user('canary-1')], caseRef: 'C-9', heldBy: 'me' };
  const holdId = textOf(await api.call('POST', '/v1/holds', hold), 'id');
  await api.call('DELETE', `/v1/holds/${holdId}`);
  for (const method of ['POST', 'DELETE']) {
    await api.call(method, '/v1/suppressions', { project: 'demo', kind: 'user', identity: email });
  }
  await api.call('POST', `/v1/requests/${id}/cancel`, { positions: [4] });
  await follow(api.database, id, START);
  await claimAt(api.database, id, run);
  await inAttention(id, 'mail');
  await api.call('POST', `/v1/requests/${id}/retry`, { reason: 'ticket 6' });
  await follow(api.database, id, run);
  await deleteFirstBatch(api.database, id, run);
  await end(api.database, id, new Date(run.getTime() + 2 * DAY_MS));

  expect(actions(await log(id))).toEqual(
    expect.arrayContaining(['request.received', 'subjects.cancelled', 'subjects.claimed', 'request.completed']),
  );
  for (const path of [`/v1/activity?requestId=${id}`, '/v1/activity?action=hold.*', `/v1/requests/${id}/log`]) {
    for (const accept of ['application/json', 'text/csv']) {
      const { status, text } = await api.call('GET', path, undefined, { Accept: accept });
      expect({ path, status, canary: /canary/i.test(text) }).toEqual({ path, status: 200, canary: false });
    }
  }
});

const ROWS = 50_000;
const PAGE = 1_000;
const MANY = '/v1/activity?action=test.made';

test('50 000 events are one file: a statement per thousand, no more read than is taken, nothing left when the reader goes', async () => {
  await api.database`
    INSERT INTO lethe.audit_events (at, project, actor, action, detail)
    SELECT ${START}::timestamptz + n / 3 * interval '1 second', 'demo', ${api.owner.memberId}, 'test.made',
           jsonb_build_object('number', n, 'text', repeat('x', 600))
    FROM generate_series(1, ${ROWS}) n`;
  const ask = (path: string) =>
    api.app.request(path, { headers: { ...carrying(api.owner), ...CSV } }, { incoming: { socket: api.peer } });

  api.statements();
  const numbers = recordsOf(await (await ask(MANY)).text()).map(
    ({ detail = '' }) => (JSON.parse(detail) as { number: number }).number,
  );
  expect(numbers).toEqual(Array.from({ length: ROWS }, (_, index) => ROWS - index));
  // The last page is full, and only the empty one behind it says that it was the last; the other one is the token.
  expect(api.statements()).toHaveLength(ROWS / PAGE + 1 + 1);

  const reader = (await ask(MANY)).body?.getReader();
  for (let chunks = 0; chunks < 3; chunks += 1) expect((await reader?.read())?.done).toBe(false);
  await quiet();
  const taken = api.statements().length;
  expect(taken).toBeLessThanOrEqual(3 + 2);
  await reader?.cancel();
  await quiet();
  expect(api.statements()).toEqual([]);
  expect(await busyConnections()).toBe(0);
});

/** Long enough for a statement that nobody should have sent. */
const quiet = () => new Promise((done) => setTimeout(done, 200));

async function busyConnections(): Promise<number> {
  const [row] = await api.database<{ busy: number }[]>`
    SELECT count(*) AS busy FROM pg_stat_activity
    WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`;
  return row?.busy ?? -1;
}

test('over a socket: a caller that hangs up ends the reading; a ledger that breaks ends the file where a caller notices', async () => {
  const { url, close } = await listening();
  try {
    const headers = { ...carrying(api.owner), ...CSV };
    api.statements();
    const hangsUp = new AbortController();
    const response = await fetch(`${url}${MANY}`, { headers, signal: hangsUp.signal });
    await response.body?.getReader().read();
    hangsUp.abort();
    await quiet();
    // What the socket's buffers took meanwhile was read for nothing.
    expect(api.statements().length).toBeLessThan(ROWS / PAGE);
    await quiet();
    expect(api.statements()).toEqual([]);
    expect(await busyConnections()).toBe(0);

    const breaks = await fetch(`${url}${MANY}`, { headers });
    await api.database`ALTER TABLE lethe.audit_events RENAME TO audit_events_away`;
    expect(breaks.status).toBe(200);
    await expect(breaks.text()).rejects.toThrow('terminated');
    expect(api.log.join('')).toMatch(/"code":"42P01".*"msg":"a download broke off"/);
    const away = await fetch(`${url}${MANY}`, { headers });
    expect([away.status, away.headers.get('Content-Type')]).toEqual([500, 'application/problem+json']);
    await api.database`ALTER TABLE lethe.audit_events_away RENAME TO audit_events`;
    expect((await fetch(`${url}/v1/activity?limit=1`, { headers: carrying(api.owner) })).status).toBe(200);
  } finally {
    await close();
  }
});

async function listening() {
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

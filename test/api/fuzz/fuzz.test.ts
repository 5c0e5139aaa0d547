import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storeCount } from '../../../db/resolution/counts.ts';
import { reconcileDeletion } from '../../../db/deletion/reconcile.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { ledgerTasks } from '../../../db/tasks/open.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { documentOf } from '../openapi/document.ts';
import { archives } from '../../support/archives.ts';
import { sized, withThousandSpaces } from '../../support/size.ts';
import { submitExport, createLink, makeReady } from '../exports/exports.ts';
import { type Generated, requestsOf } from './generated.ts';
import { CANARY, PLACEHOLDER } from './generated-values.ts';
import { claimAt, concludeAll, CONFIGURED, deleteFirstBatch, hide, matchOf, resolve } from '../support/ledger.ts';
import { submitDeletion, type Answer, PROJECT, RUN, START, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const document = await documentOf(api.app);

const second = await api.member('second owner');
const admin = await api.member('admin', { role: 'admin' });
const createToken = async (more: object) => {
  const answer = await api.call('POST', '/v1/tokens', { name: 'limited', ...more });
  return { id: textOf(answer, 'id'), token: textOf(answer, 'token') };
};
const reading = await createToken({ access: 'read' });
const exporting = await createToken({ kinds: ['export'] });
const TOKENS = [api.owner.token, second.token, admin.token, reading.token, exporting.token, api.otherOwner.token];
const CALLERS: readonly string[] = [
  ...TOKENS.map((token) => `Bearer ${token}`),
  '',
  `Bearer ${api.owner.token.slice(0, -1)}x`,
  `Basic ${CANARY}`,
];
/** Members and tokens that the test calls with. They are never removed. */
const callers = await api.sql<{ id: string }[]>`SELECT id FROM lethe.members UNION ALL SELECT id FROM lethe.tokens`;
const KEPT = new Set(callers.map(({ id }) => id));

/** Ids of existing rows by their prefix: those that the test prepared, and the latest ones of responses. */
const prepared = new Map<string, readonly string[]>();
const learned = new Map<string, string[]>();
const MAX_REMEMBERED = 40;

function remember(kind: string, id: string): void {
  if (KEPT.has(id)) return;
  const ids = learned.get(kind) ?? [];
  learned.set(kind, [...ids.filter((one) => one !== id), id].slice(-MAX_REMEMBERED));
}

function existingId(kind: string, index: number): string {
  const ids = [...(prepared.get(kind) ?? []), ...(learned.get(kind) ?? [])];
  return ids[index % Math.max(1, ids.length)] ?? `${kind}_${'f'.repeat(32)}`;
}
/** The last link of each archive: two independently chosen ids would rarely belong together. */
const links = new Map<string, string>();
/** A webhook that is never removed, so that deliveries exist for it. */
const listener = await api.call('POST', '/v1/webhooks', { url: 'https://hooks.test/' });
const WEBHOOK = textOf(listener, 'id');
KEPT.add(WEBHOOK);
await submitDeletion(api, [user(`${CANARY}-notified`)]);
const [delivery] = await api.sql<{ id: string }[]>`SELECT id FROM lethe.deliveries WHERE channel = ${WEBHOOK}`;

const pairIds = (path: string): string =>
  useKeptWebhook(path).replace(/(req_\w+)\/links\/link_\w+/, (both, id: string) => {
    const link = links.get(id);
    return link === undefined ? both : `${id}/links/${link}`;
  });
const useKeptWebhook = (path: string): string =>
  path
    .replace(/\/wh_\w+\/deliveries/, `/${WEBHOOK}/deliveries`)
    .replace(/\/deliveries\/evt_\w+\//, `/deliveries/${delivery?.id}/`);
const fillPlaceholders = (text: string): string =>
  text.replaceAll(PLACEHOLDER, (_, kind: string, index: string) => existingId(kind, Number(index)));

/** Creates requests in each state that a worker brings about, so that every operation can succeed. */
async function prepare(round: string): Promise<void> {
  const { database } = api;
  const ids: string[] = [];
  for (let n = 0; n < sized(8, 20); n += 1) {
    const name = (state: string) => `${CANARY}-${round}-${state}-${n}`;
    const waiting = await submitDeletion(api, [user(name('a')), user(name('b'))], { confirm: true });
    await resolve(database, waiting, [matchOf(1, name('a')), matchOf(2, name('b'))], START);
    for (const { name: system } of PROJECT.systems) await storeCount(database, { requestId: waiting, system }, null);
    await reconcileDeletion(database, {
      requestId: waiting,
      asOf: START,
      window: PROJECT.policy.window,
      ...CONFIGURED,
    });

    const claimed = await submitDeletion(api, [user(name('c'))]);
    await hide(database, claimed, [matchOf(1, name('c'))], START);
    await claimAt(database, claimed, RUN);
    await ledgerTasks(database, { project: 'demo', system: 'app' }).open({
      requestId: claimed,
      batch: 1,
      pass: 1,
      firstSeq: 1,
      lastSeq: 1,
      except: [],
      instruction: 'Delete the records.',
      notify: null,
      withinMs: DAY_MS,
      at: RUN,
    });
    const stuck = await submitDeletion(api, [user(name('d'))]);
    await hide(database, stuck, [matchOf(1, name('d'))], START);
    await claimAt(database, stuck, RUN);
    await withProjectLock(database, 'demo', (tx) =>
      raiseAttention(
        tx,
        { project: 'demo', requestId: stuck, system: 'app', step: 'delete', batch: 1 },
        { code: 'survivors_remain', at: RUN, retryAt: null },
      ),
    );
    await database.$client`UPDATE lethe.batch_work SET state = 'attention' WHERE request_id = ${stuck} AND system = 'app'`;
    const hidden = await submitDeletion(api, [user(name('e'))]);
    await hide(database, hidden, [matchOf(1, name('e'))], START);
    const exported = await submitExport(api, [user(name('f'))]);
    await makeReady(api, storage, exported, Buffer.from('an archive'));
    links.set(exported, (await createLink(api, exported)).id);
    ids.push(waiting, claimed, stuck, stuck, hidden, exported);
  }
  const ended = await submitDeletion(api, [user(`${CANARY}-${round}-ended`)]);
  await hide(database, ended, [matchOf(1, `${CANARY}-${round}-ended`)], START);
  await claimAt(database, ended, RUN);
  await deleteFirstBatch(database, ended, RUN);
  await concludeAll(database, ended, RUN);
  prepared.set('req', [...ids, ended]);
}

const reached = new Map<string, number>();
const statuses = new Set<number>();

/** Sends the requests concurrently, so that they also conflict with each other. */
async function send(requests: readonly Generated[]): Promise<void> {
  const answers = await Promise.all(requests.map(sendOne));
  const log = api.log.splice(0).join('');
  api.statements();
  for (const [index, answer] of answers.entries()) {
    statuses.add(answer.status);
    if (answer.status < 300) recordAnswer(requests[index]?.operationId ?? '', answer);
  }
  const failed = answers.filter(({ status }) => status >= 500);
  const leaking = answers.filter(({ status, text }) => status >= 300 && SECRET.test(text));
  expect({ failed, leaking, log: failed.length > 0 || SECRET.test(log) ? log : '' }).toEqual(CLEAN);
}

function sendOne({ method, path, query, headers, body, caller }: Generated): Promise<Answer> {
  const searchParams = new URLSearchParams(
    query.map(([name, value]): [string, string] => [name, fillPlaceholders(value)]),
  );
  // Clients resolve `..` in a path before they send it.
  const { pathname, search } = new URL(
    `${pairIds(fillPlaceholders(path))}?${searchParams.toString()}`,
    'http://localhost',
  );
  const sent = body === null ? undefined : fillPlaceholders(body);
  return api.call(method, pathname + search, sent, { ...headers, Authorization: CALLERS[caller] ?? '' });
}

const CLEAN = { failed: [], leaking: [], log: '' };
const SECRET = new RegExp(`${CANARY}|lethe_[0-9a-f]{8}|whsec_`);

function recordAnswer(operationId: string, { text, headers }: Answer): void {
  const [, id, link] = /(req_\w+)\/links\/(\w+)/.exec(headers.get('Location') ?? '') ?? [];
  if (id !== undefined && link !== undefined) links.set(id, link);
  reached.set(operationId, (reached.get(operationId) ?? 0) + 1);
  for (const [known, kind] of text.matchAll(/\b(req|hold|mem|tok|sup|link|wh|task)_[0-9a-f]{32}\b/g))
    if (kind !== undefined) remember(kind, known);
  const cursor = /"nextCursor":"([^"]+)"/.exec(text)?.[1];
  if (cursor !== undefined) remember('cursor', cursor);
}

const REQUESTS = sized(1_200, 5_000);
/** Further rounds until each operation has succeeded and each status has occurred. */
const MORE = Array.from({ length: 6 }, () => 1_000);
const ROUNDS = [20_261_122, randomInt(2 ** 31 - 1)].map((seed, round) => ({ seed, round }));

const fourRequests = fc.array(requestsOf(document, CALLERS.length), { minLength: 4, maxLength: 4 });
const runOptions = (seed: number, count: number) => ({ seed, numRuns: count / 4, endOnFailure: true });

for (const { seed, round } of ROUNDS) {
  test(`returns no 5xx, undocumented response, identity or token for ${withThousandSpaces(REQUESTS)} generated requests (seed ${seed})`, async () => {
    await prepare(String(round));
    await fc.assert(fc.asyncProperty(fourRequests, send), runOptions(seed, REQUESTS));
  }, 180_000);
}

const OPERATIONS = Object.values(document.paths).flatMap((methods) =>
  Object.values(methods).map((one) => one.operationId),
);
const STATUSES = [200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 415, 422];
const unreached = () => [
  ...OPERATIONS.filter((operationId) => (reached.get(operationId) ?? 0) === 0),
  ...STATUSES.filter((status) => !statuses.has(status)),
];

test('has reached every operation and every status with the generated requests', async () => {
  for (const [round, count] of MORE.entries()) {
    if (unreached().length === 0) break;
    await prepare(`more ${round}`);
    await fc.assert(fc.asyncProperty(fourRequests, send), runOptions(randomInt(2 ** 31 - 1), count));
  }
  expect(unreached()).toEqual([]);
}, 180_000);

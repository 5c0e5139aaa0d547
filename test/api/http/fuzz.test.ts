import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storeCount } from '../../../db/resolution/counts.ts';
import { reconcileDeletion } from '../../../db/deletion/reconcile.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { documentOf } from '../openapi/document.ts';
import { archives } from '../../support/archives.ts';
import { sized, withThousandSpaces } from '../../support/size.ts';
import { acceptedExport, linkTo, makeReady } from '../exports/exports.ts';
import { type Generated, requestsOf } from './generated.ts';
import { CANARY, PLACEHOLDER } from './generated-values.ts';
import { claimAt, concludeAll, deleteFirstBatch, hide, matchOf, resolve } from '../support/ledger.ts';
import { accepted, type Answer, PROJECT, RUN, START, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const document = await documentOf(api.app);

const second = await api.member('second owner');
const admin = await api.member('admin', { role: 'admin' });
const minted = async (more: object) => {
  const answer = await api.call('POST', '/v1/tokens', { name: 'limited', ...more });
  return { id: textOf(answer, 'id'), token: textOf(answer, 'token') };
};
const reading = await minted({ access: 'read' });
const exporting = await minted({ kinds: ['export'] });
const TOKENS = [api.owner.token, second.token, admin.token, reading.token, exporting.token, api.otherOwner.token];
const CALLERS: readonly string[] = [
  ...TOKENS.map((token) => `Bearer ${token}`),
  '',
  `Bearer ${api.owner.token.slice(0, -1)}x`,
  `Basic ${CANARY}`,
];
/** Neither a caller nor its token is taken away while the test calls with it. */
const callers = await api.sql<{ id: string }[]>`SELECT id FROM lethe.members UNION ALL SELECT id FROM lethe.tokens`;
const KEPT = new Set(callers.map(({ id }) => id));

/** Ids of what exists, by their prefix: what the test prepared, and the latest that it met. */
const prepared = new Map<string, readonly string[]>();
const met = new Map<string, string[]>();
const LATEST = 40;

function meet(kind: string, id: string): void {
  if (KEPT.has(id)) return;
  const ids = met.get(kind) ?? [];
  met.set(kind, [...ids.filter((one) => one !== id), id].slice(-LATEST));
}

function existing(kind: string, index: number): string {
  const ids = [...(prepared.get(kind) ?? []), ...(met.get(kind) ?? [])];
  return ids[index % Math.max(1, ids.length)] ?? `${kind}_${'f'.repeat(32)}`;
}
/** The last link to each archive: of two ids that are chosen apart, one would rarely be of the other. */
const links = new Map<string, string>();
/** Nobody removes it: it is told of every request, and asked about what it was told. */
const listener = await api.call('POST', '/v1/webhooks', { url: 'https://hooks.test/' });
const WEBHOOK = textOf(listener, 'id');
KEPT.add(WEBHOOK);
await accepted(api, [user(`${CANARY}-told`)]);
const [delivery] = await api.sql<{ id: string }[]>`SELECT id FROM lethe.deliveries WHERE channel = ${WEBHOOK}`;

const paired = (path: string): string =>
  ofWebhook(path).replace(/(req_\w+)\/links\/link_\w+/, (both, id: string) => {
    const link = links.get(id);
    return link === undefined ? both : `${id}/links/${link}`;
  });
const ofWebhook = (path: string): string =>
  path
    .replace(/\/wh_\w+\/deliveries/, `/${WEBHOOK}/deliveries`)
    .replace(/\/deliveries\/evt_\w+\//, `/deliveries/${delivery?.id}/`);
const filled = (text: string): string =>
  text.replaceAll(PLACEHOLDER, (_, kind: string, index: string) => existing(kind, Number(index)));

/** Requests in each of the states that a worker brings about, so that every operation has what it is for. */
async function prepare(round: string): Promise<void> {
  const { database } = api;
  const ids: string[] = [];
  for (let n = 0; n < sized(8, 20); n += 1) {
    const name = (state: string) => `${CANARY}-${round}-${state}-${n}`;
    const waiting = await accepted(api, [user(name('a')), user(name('b'))], { confirm: true });
    await resolve(database, waiting, [matchOf(1, name('a')), matchOf(2, name('b'))], START);
    for (const { name: system } of PROJECT.systems) await storeCount(database, { requestId: waiting, system }, null);
    await reconcileDeletion(database, { requestId: waiting, asOf: START, window: PROJECT.policy.window });

    const claimed = await accepted(api, [user(name('c'))]);
    await hide(database, claimed, [matchOf(1, name('c'))], START);
    await claimAt(database, claimed, RUN);
    const stuck = await accepted(api, [user(name('d'))]);
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
    const hidden = await accepted(api, [user(name('e'))]);
    await hide(database, hidden, [matchOf(1, name('e'))], START);
    const exported = await acceptedExport(api, [user(name('f'))]);
    await makeReady(api, storage, exported, Buffer.from('an archive'));
    links.set(exported, (await linkTo(api, exported)).id);
    ids.push(waiting, claimed, stuck, stuck, hidden, exported);
  }
  const ended = await accepted(api, [user(`${CANARY}-${round}-ended`)]);
  await hide(database, ended, [matchOf(1, `${CANARY}-${round}-ended`)], START);
  await claimAt(database, ended, RUN);
  await deleteFirstBatch(database, ended, RUN);
  await concludeAll(database, ended, RUN);
  prepared.set('req', [...ids, ended]);
}

const reached = new Map<string, number>();
const statuses = new Set<number>();

/** Several at a time, so that they also meet each other in the middle. */
async function send(requests: readonly Generated[]): Promise<void> {
  const answers = await Promise.all(requests.map(answerTo));
  const log = api.log.splice(0).join('');
  api.statements();
  for (const [index, answer] of answers.entries()) {
    statuses.add(answer.status);
    if (answer.status < 300) learn(requests[index]?.operationId ?? '', answer);
  }
  const failed = answers.filter(({ status }) => status >= 500);
  const leaking = answers.filter(({ status, text }) => status >= 300 && SECRET.test(text));
  expect({ failed, leaking, log: failed.length > 0 || SECRET.test(log) ? log : '' }).toEqual(CLEAN);
}

function answerTo({ method, path, query, headers, body, caller }: Generated): Promise<Answer> {
  const asked = new URLSearchParams(query.map(([name, value]): [string, string] => [name, filled(value)]));
  // As a client would send it: `..` in a path is gone by then.
  const { pathname, search } = new URL(`${paired(filled(path))}?${asked.toString()}`, 'http://localhost');
  const sent = body === null ? undefined : filled(body);
  return api.call(method, pathname + search, sent, { ...headers, Authorization: CALLERS[caller] ?? '' });
}

const CLEAN = { failed: [], leaking: [], log: '' };
const SECRET = new RegExp(`${CANARY}|lethe_[0-9a-f]{8}|whsec_`);

function learn(operationId: string, { text, headers }: Answer): void {
  const [, id, link] = /(req_\w+)\/links\/(\w+)/.exec(headers.get('Location') ?? '') ?? [];
  if (id !== undefined && link !== undefined) links.set(id, link);
  reached.set(operationId, (reached.get(operationId) ?? 0) + 1);
  for (const [known, kind] of text.matchAll(/\b(req|hold|mem|tok|sup|link|wh)_[0-9a-f]{32}\b/g))
    if (kind !== undefined) meet(kind, known);
  const cursor = /"nextCursor":"([^"]+)"/.exec(text)?.[1];
  if (cursor !== undefined) meet('cursor', cursor);
}

const REQUESTS = sized(2_000, 5_000);
/** So many more, one after the other, until each operation has succeeded and each status was met. */
const MORE = Array.from({ length: 6 }, () => 1_000);
const ROUNDS = [20_261_122, randomInt(2 ** 31 - 1)].map((seed, round) => ({ seed, round }));

const four = fc.array(requestsOf(document, CALLERS.length), { minLength: 4, maxLength: 4 });
const fours = (seed: number, count: number) => ({ seed, numRuns: count / 4, endOnFailure: true });

for (const { seed, round } of ROUNDS) {
  test(`${withThousandSpaces(REQUESTS)} requests from the document, seed ${seed}: no 5xx, nothing outside the document, no identity or token told`, async () => {
    await prepare(String(round));
    await fc.assert(fc.asyncProperty(four, send), fours(seed, REQUESTS));
  }, 180_000);
}

const OPERATIONS = Object.values(document.paths).flatMap((methods) =>
  Object.values(methods).map((one) => one.operationId),
);
const STATUSES = [200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 415, 422];
const unmet = () => [
  ...OPERATIONS.filter((operationId) => (reached.get(operationId) ?? 0) === 0),
  ...STATUSES.filter((status) => !statuses.has(status)),
];

test('every operation of the document has succeeded meanwhile, and every kind of refusal was met', async () => {
  for (const [round, count] of MORE.entries()) {
    if (unmet().length === 0) break;
    await prepare(`more ${round}`);
    await fc.assert(fc.asyncProperty(four, send), fours(randomInt(2 ** 31 - 1), count));
  }
  expect(unmet()).toEqual([]);
}, 180_000);

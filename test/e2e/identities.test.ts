import type postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { id, users } from './support/canary.ts';
import {
  connectUnlogged,
  createCaller,
  onCleanup,
  prepareApp,
  startService,
  temporaryFolder,
  waitUntil,
  waitUntilPolling,
  type Service,
} from './support/service.ts';

let service: Service;
let caller: ReturnType<typeof createCaller>;
let app: postgres.Sql;
let ledger: postgres.Sql;

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  const temporal = await startTemporal({ dbFile: `${temporaryFolder()}/temporal.db` });
  onCleanup(() => temporal.stop());
  ledger = connectUnlogged(ledgerUrl);
  app = await prepareApp(appUrl);
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address });
  caller = createCaller(service);
  await waitUntilPolling(await service.startWorker());
}, 120_000);

/** Addresses whose lower case or Unicode form JavaScript and PostgreSQL do not see alike. */
const ADDRESSES = {
  dotted: '\u0130PEK@x.test',
  sigma: '\u039F\u0394\u039F\u03A3@x.test',
  kelvin: '\u212Aelvin@x.test',
  sharp: 'STRA\u1E9EE@x.test',
  composed: 'j\u00FCrgen@x.test',
  decomposed: 'Bjo\u0308rn@x.test',
};
const OTHER_FORMS = { composed: 'Ju\u0308rgen@X.test', decomposed: 'BJ\u00D6RN@x.test' };
const NAMES = Object.keys(ADDRESSES);

/** Adds a person per address with a letter, and one person more, who is never deleted. */
async function addPeople(prefix: string): Promise<void> {
  for (const [name, address] of [...Object.entries(ADDRESSES), ['other', 'other@x.test']]) {
    await app`INSERT INTO app.users (user_id, xng_id, external_id, email, business_unit, name, created_at)
      VALUES (${`${prefix}-${name}`}, gen_random_uuid(), ${`${prefix}-ext-${name}`}, ${address ?? ''}, ${prefix}, 'N', '2025-01-01')`;
    await app`INSERT INTO app.newsletter VALUES (${address ?? ''}, ${prefix}, '2025-03-01')`;
  }
}
async function remaining(prefix: string) {
  const people = await app<{ id: string }[]>`
    SELECT user_id AS id FROM app.users WHERE business_unit = ${prefix} AND deleted_at IS NULL ORDER BY 1`;
  const [{ count } = { count: -1 }] = await app<{ count: number }[]>`
    SELECT count(*)::int AS count FROM app.newsletter WHERE business_unit = ${prefix}`;
  return { people: people.map((row) => row.id.slice(prefix.length + 1)), letters: count };
}
const ALL = { people: [...NAMES, 'other'].toSorted(), letters: NAMES.length + 1 };
const ONLY_OTHER = { people: ['other'], letters: 1 };

const Entry = z.object({ position: z.number(), outcome: z.string().nullable(), reason: z.string().nullable() });
async function outcomes(requestId: string): Promise<string[]> {
  const answer = await service.call('GET', `/v1/requests/${requestId}/subjects`);
  return z
    .object({ items: z.array(Entry) })
    .parse(JSON.parse(answer.text))
    .items.map(({ outcome, reason }) => (reason === null ? `${outcome}` : `${outcome} ${reason}`));
}
const readRequest = async (requestId: string): Promise<unknown> =>
  JSON.parse((await service.call('GET', `/v1/requests/${requestId}`)).text);

async function upload(lines: readonly string[], type: string): Promise<string> {
  const query = new URLSearchParams({
    project: 'demo',
    kind: 'deletion',
    regulation: 'gdpr',
    subjects: 'user',
    type,
    header: 'absent',
    delimiter: ',',
  });
  const columns = type === 'email' ? '1,2' : '1';
  query.set('columns', columns);
  const answer = await service.call('POST', `/v1/uploads?${query.toString()}`, `${lines.join('\n')}\n`, {
    'content-type': 'text/csv',
  });
  if (answer.status !== 202) throw new Error(answer.text);
  return z.object({ id: z.string() }).parse(JSON.parse(answer.text)).id;
}

test.each(['a list', 'a file'])(
  'deletes people whose addresses are given in %s exactly as they are stored',
  async (way) => {
    const prefix = way === 'a list' ? 'stored-list' : 'stored-file';
    await addPeople(prefix);
    const addresses = Object.values(ADDRESSES);
    const requestId =
      way === 'a list'
        ? await caller.submit(users(...addresses.map((address) => id('email', [address, prefix]))))
        : await upload(
            addresses.map((address) => `${address},${prefix}`),
            'email',
          );
    await caller.waitForStatus(requestId, 'completed');
    expect(await outcomes(requestId)).toEqual(NAMES.map(() => 'deleted'));
    expect(await remaining(prefix)).toEqual(ONLY_OTHER);
  },
);

test.each(['a list', 'a file'])(
  'deletes people whose addresses are given in %s with blanks and in another form',
  async (way) => {
    const prefix = way === 'a list' ? 'other-list' : 'other-file';
    await addPeople(prefix);
    const given = Object.entries({ ...ADDRESSES, ...OTHER_FORMS }).map(
      ([, address], index) => `${BLANKS[index] ?? ''}${address}${BLANKS.at(-1 - index) ?? ''}`,
    );
    const requestId =
      way === 'a list'
        ? await caller.submit(users(...given.map((address) => id('email', [address, `${prefix}\u00A0`]))))
        : await upload(
            given.map((address) => `${address},${prefix}\u00A0`),
            'email',
          );
    await caller.waitForStatus(requestId, 'completed');
    expect(await outcomes(requestId)).toEqual(NAMES.map(() => 'deleted'));
    expect(await remaining(prefix)).toEqual(ONLY_OTHER);
  },
);
const BLANKS = [' ', '\t', '\u00A0', '\u2007', '\u202F', '\u3000', '\u200B', '\uFEFF'];

test('deletes no person under a hold that is placed in another spelling, and every person after its release', async () => {
  await addPeople('held');
  const spelled = { ...ADDRESSES, ...OTHER_FORMS };
  const holdId = await caller.hold(Object.values(spelled).map((address) => id('email', [`${address}\u3000`, 'HELD'])));
  const requestId = await caller.submit(
    users(...Object.values(ADDRESSES).map((address) => id('email', [address, 'held']))),
  );
  await waitUntil('all are held', async () => (await caller.status(requestId)).heldSubjects === NAMES.length);
  expect(await outcomes(requestId)).toEqual(NAMES.map(() => 'held'));
  expect((await remaining('held')).letters).toBe(ALL.letters);
  await caller.release(holdId);
  await caller.waitForStatus(requestId, 'completed');
  expect(await remaining('held')).toEqual(ONLY_OTHER);
});

test('refuses the stored spelling of every suppressed address, and no other', async () => {
  await addPeople('kept-out');
  for (const address of Object.values({ ...ADDRESSES, ...OTHER_FORMS })) {
    const identity = id('email', [address, 'kept-out']);
    const answer = await service.call('POST', '/v1/suppressions', { project: 'demo', kind: 'user', identity });
    expect(answer.status).toBe(202);
  }
  const refused = async () => {
    const rows = await app<{ id: string }[]>`SELECT user_id AS id FROM app.users
      WHERE business_unit = 'kept-out' AND lethe_system.is_suppressed('user', 'email', email, business_unit)`;
    return rows.map((row) => row.id.slice('kept-out-'.length)).toSorted();
  };
  await waitUntil('all are refused', async () => (await refused()).length >= NAMES.length, refused);
  expect(await refused()).toEqual(NAMES.toSorted());
});

test('names blanks around an exact value that is found nowhere, and fails instead of ending as not_found', async () => {
  await addPeople('padded');
  const values = ['padded-ext-sharp ', '\u00A0padded-ext-kelvin'];
  const list = await caller.submit(users(...values.map((value) => id('external_id', value))));
  const file = await upload(values, 'external_id');
  for (const requestId of [list, file]) {
    await caller.waitForStatus(requestId, 'failed');
    expect(await readRequest(requestId)).toMatchObject({ failure: 'no_valid_identity' });
    expect(await outcomes(requestId)).toEqual(values.map(() => 'invalid surrounding_whitespace'));
  }
  expect(await remaining('padded')).toEqual(ALL);
  const beside = await caller.submit(
    users(id('external_id', 'padded-ext-sharp\t'), id('external_id', 'padded-ext-sharp')),
  );
  await caller.waitForStatus(beside, 'completed');
  expect(await outcomes(beside)).toEqual(['invalid surrounding_whitespace', 'deleted']);
  expect((await remaining('padded')).people).toEqual(ALL.people.filter((name) => name !== 'sharp'));
});

test('deletes a person whose exact value is stored with the blanks around it', async () => {
  await addPeople('blank');
  await app`UPDATE app.users SET external_id = external_id || ' ' WHERE user_id = 'blank-sharp'`;
  const requestId = await caller.submit(users(id('external_id', 'blank-ext-sharp ')));
  await caller.waitForStatus(requestId, 'completed');
  expect(await outcomes(requestId)).toEqual(['deleted']);
});

test('fails when all identities are ambiguous or invalid, and touches no row', async () => {
  await addPeople('twice');
  await app`UPDATE app.users SET email = 'case@x.test' WHERE user_id = 'twice-sharp'`;
  await app`UPDATE app.users SET email = 'CASE@x.test' WHERE user_id = 'twice-kelvin'`;
  const ambiguous = id('email', ['case@x.test', 'twice']);
  for (const [identities, expected] of [
    [[ambiguous], ['invalid ambiguous']],
    [
      [ambiguous, id('user_id', 'twice-unknown')],
      ['invalid ambiguous', 'not_found'],
    ],
    [[id('xng_id', 'no uuid')], ['invalid not_a_uuid']],
  ] as const) {
    const requestId = await caller.submit(users(...identities));
    await caller.waitForStatus(requestId, 'failed');
    expect(await readRequest(requestId)).toMatchObject({ failure: 'no_valid_identity' });
    expect(await outcomes(requestId)).toEqual(expected);
    expect(
      await ledger`SELECT action, detail FROM lethe.audit_events WHERE request_id = ${requestId} AND action = 'request.failed'`,
    ).toMatchObject([{ detail: { code: 'no_valid_identity' } }]);
  }
  const exported = await caller.submit(users(ambiguous), { kind: 'export' });
  await caller.waitForStatus(exported, 'failed');
  expect(await remaining('twice')).toEqual(ALL);
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { mixpanel } from '../../../connectors/catalogue/index.ts';
import type { Connector } from '../../../connectors/connector.ts';
import { type MixpanelStandIn, MIXPANEL, startMixpanel } from '../../support/servers/stand-ins/mixpanel.ts';
import { DAY, HOUR, testClock, type TestClock } from '../../support/servers/stand-ins/server/clock.ts';
import { allText, exportAll } from '../calls.ts';
import { TestLedger } from './ledger.ts';
import { BATCH, BYSTANDERS, identitiesOf, idsOf, PEOPLE, SECRETS } from './systems.ts';

let standIn: MixpanelStandIn;
let clock: TestClock;
let ledger: TestLedger;
let connector: Connector;

const open = (options: Partial<Parameters<typeof mixpanel>[0]> = {}): Connector => {
  const definition = mixpanel({
    at: standIn.url,
    allowPrivate: ['127.0.0.0/8'],
    gdprToken: { env: 'MIXPANEL_GDPR_TOKEN' },
    projectToken: { env: 'MIXPANEL_PROJECT_TOKEN' },
    ...options,
  });
  ledger = new TestLedger(clock, definition.describe().limits.lanes);
  return definition.open({ system: 'demo/mixpanel', secret: ({ env }) => SECRETS[env] ?? '' });
};
const retrievals = () => ({ apiSecret: { env: 'MIXPANEL_RETRIEVALS_API_SECRET' }, at: standIn.url });
const subjects = BATCH.map((person) => identitiesOf(person, 'user_id'));
const bodiesOf = (path: RegExp) =>
  standIn.callsOf('POST', path).map(({ body }) => JSON.parse(body) as Record<string, unknown>);

beforeEach(async () => {
  clock = testClock();
  standIn = await startMixpanel({ people: PEOPLE, clock, aliases: { 'alias-1': ['canary-1'] } });
  connector = open();
});
afterEach(async () => {
  await connector.close();
  await standIn.close();
});

test('attaches ids to the running task of another client, and sends the others again', async () => {
  const other = standIn.deleteElsewhere(['canary-2', 'canary-7']);
  const result = await ledger.delete(connector, ledger.batch(subjects));
  expect(result).toMatchObject({ done: true, attestedAt: expect.any(Date) as Date });
  expect(standIn.tasks.map(({ ids }) => ids)).toEqual([
    ['canary-2', 'canary-7'],
    ['canary-1', 'canary-3'],
  ]);
  expect(standIn.callsOf('GET', new RegExp(other)).length).toBeGreaterThan(0);
  // canary-7 is deleted by the other client.
  expect(standIn.present()).toEqual(idsOf(BYSTANDERS).filter((id) => id !== 'canary-7'));
});

test('creates no second task when an answer is lost, because the conflict names the first one', async () => {
  standIn.faults.at(1, { kind: 'lost' });
  await ledger.delete(connector, ledger.batch(subjects));
  expect(standIn.tasks).toHaveLength(1);
  expect(standIn.callsOf('POST', /data-deletions/).map(({ status }) => status)).toEqual([null, 409]);
});

test('refuses a conflict that names none of its ids', async () => {
  const error = { conflicting_distinct_ids: ['canary-9'], conflicting_task_ids: ['1'], error: 'busy' };
  standIn.faults.always({ kind: 'status', status: 409, body: JSON.stringify({ status: 'error', error }) });
  await expect(
    connector.hardDelete(ledger.batch(subjects), ledger.deletion(1), ledger.context()),
  ).rejects.toMatchObject({ code: 'refused', message: 'refused conflict_without_our_ids' });
  expect(standIn.tasks).toEqual([]);
});

test('refuses when a task fails, and creates a new one when an operator retries', async () => {
  const batch = ledger.batch(subjects);
  const first = await connector.hardDelete(batch, ledger.deletion(1), ledger.context());
  expect(first).toHaveProperty('continueAt');
  standIn.fail(standIn.tasks[0]?.id ?? '');
  clock.advance(2 * HOUR);
  await expect(ledger.delete(connector, batch)).rejects.toMatchObject({ message: 'refused task_failed' });
  await ledger.delete(connector, batch);
  expect(standIn.tasks.map(({ ended }) => ended)).toEqual(['FAILURE', 'SUCCESS']);
  expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
});

test('reads the id of a task from the list of the reference page too', async () => {
  const results = [{ status: 'PENDING', tracking_id: '1583792934719392965' }];
  standIn.faults.at(1, { kind: 'status', status: 201, body: JSON.stringify({ status: 'ok', results }) });
  await connector.hardDelete(ledger.batch(subjects), ledger.deletion(1), ledger.context());
  expect(JSON.stringify(ledger.tickets)).toContain('1583792934719392965');
});

test('sends at most idsPerCall ids in a call, one call a second', async () => {
  await connector.close();
  connector = open({ idsPerCall: 2, regulation: 'CCPA' });
  await ledger.delete(connector, ledger.batch(subjects));
  expect(bodiesOf(/data-deletions/)).toEqual([
    { distinct_ids: ['canary-1', 'canary-2'], compliance_type: 'CCPA' },
    { distinct_ids: ['canary-3'], compliance_type: 'CCPA' },
  ]);
  const times = standIn.calls.map(({ at }) => at);
  for (const [index, at] of times.entries()) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(1000);
  expect(standIn.calls.map(({ status }) => status)).not.toContain(429);
});

test('is attested without a service account, and reads profiles with one', async () => {
  expect(connector.verify).toBeUndefined();
  await connector.close();
  const secret = { env: 'MIXPANEL_READ_BACK_SECRET' };
  connector = open({ readBack: { projectId: MIXPANEL.projectId, user: MIXPANEL.serviceAccount.user, secret } });
  const batch = ledger.batch(subjects);
  expect(await ledger.verify(connector, batch)).toEqual({
    survivors: 3,
    tables: { profiles: 3 },
    attested: ['events'],
  });
  const [call] = standIn.callsOf('POST', /engage/);
  expect(call?.headers['authorization']).not.toContain(MIXPANEL.gdprToken);
  expect(call?.query.toString()).toBe(`project_id=${MIXPANEL.projectId}`);
});

test('reads one retrieval in several attempts, and leaves out people who have left the batch', async () => {
  await connector.close();
  connector = open({ retrievals: retrievals() });
  const batch = ledger.batch(subjects);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(exportAll(connector, batch, {}, ledger.context())).rejects.toThrow('the next call is not allowed yet');
    clock.advance(HOUR);
  }
  clock.advance(DAY);
  const exported = await exportAll(connector, ledger.batch(subjects.slice(0, 2)), {}, ledger.context());
  expect(standIn.callsOf('POST', /data-retrievals/)).toHaveLength(1);
  expect(exported.get('retrieval')?.figures.rows).toBe(4);
  const text = allText(exported);
  for (const id of ['canary-1', 'canary-2', 'Signed up', 'Canary2@x.test']) expect(text).toContain(id);
  for (const id of ['canary-3', ...idsOf(BYSTANDERS)]) expect(text).not.toContain(id);
  expect(standIn.callsOf('GET', /exports/).every(({ headers }) => headers['authorization'] === undefined)).toBe(true);
});

test('names the disclosure of a CCPA retrieval', async () => {
  await connector.close();
  connector = open({ retrievals: retrievals(), regulation: 'CCPA' });
  await expect(exportAll(connector, ledger.batch(subjects), {}, ledger.context())).rejects.toThrow('not allowed yet');
  expect(bodiesOf(/data-retrievals/)).toEqual([
    { distinct_ids: idsOf(BATCH), compliance_type: 'CCPA', disclosure_type: 'Data' },
  ]);
});

test('refuses an archive with another password, without its text', async () => {
  await connector.close();
  connector = open({ retrievals: { ...retrievals(), apiSecret: { env: 'USERPILOT_API_KEY' } } });
  const batch = ledger.batch(subjects);
  await exportAll(connector, batch, {}, ledger.context()).catch(() => undefined);
  clock.advance(DAY);
  await expect(exportAll(connector, batch, {}, ledger.context())).rejects.toMatchObject({
    // One wrong password of 256 is found only by the damage.
    message: expect.stringMatching(/^refused (?:wrong_password_of_zip|file_is_damaged|file_is_not_ndjson)$/) as string,
    retryable: false,
  });
});

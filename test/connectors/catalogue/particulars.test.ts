import { afterEach, describe, expect, test } from 'vitest';
import * as catalogue from '../../../connectors/catalogue/index.ts';
import type { Connector, ConnectorDefinition } from '../../../connectors/connector.ts';
import { startActivatePro } from '../../support/servers/stand-ins/activatepro.ts';
import { startHubSpot } from '../../support/servers/stand-ins/hubspot.ts';
import { startIntercom } from '../../support/servers/stand-ins/intercom.ts';
import { startSegment } from '../../support/servers/stand-ins/segment.ts';
import { DAY, MINUTE, testClock } from '../../support/servers/stand-ins/server/clock.ts';
import type { SystemStandIn } from '../../support/servers/stand-ins/server/people.ts';
import { startStripe } from '../../support/servers/stand-ins/stripe.ts';
import { startUserpilot } from '../../support/servers/stand-ins/userpilot.ts';
import { startZendesk, ZENDESK } from '../../support/servers/stand-ins/zendesk.ts';
import { TestLedger } from './ledger.ts';
import { BATCH, BYSTANDERS, identitiesOf, idsOf, PEOPLE, SECRETS } from './systems.ts';

let opened: { readonly connector: Connector; readonly standIn: SystemStandIn }[] = [];
afterEach(async () => {
  for (const { connector, standIn } of opened) {
    await connector.close();
    await standIn.close();
  }
  opened = [];
});

const clockOf = () => testClock();
const local = (standIn: SystemStandIn) => ({ at: standIn.url, allowPrivate: ['127.0.0.0/8'] });
const env = (name: string) => ({ env: name });
const byEmail = BATCH.map((person) => identitiesOf(person, 'email'));
const byId = BATCH.map((person) => identitiesOf(person, 'user_id'));

function open(standIn: SystemStandIn, clock: ReturnType<typeof testClock>, definition: ConnectorDefinition) {
  const connector = definition.open({ system: 'demo/x', secret: ({ env: name }) => SECRETS[name] ?? '' });
  opened.push({ connector, standIn });
  return { connector, ledger: new TestLedger(clock, definition.describe().limits.lanes) };
}

describe('userpilot', () => {
  test('deletes companies with a body, and says nothing without the plan that exports', async () => {
    const clock = clockOf();
    const standIn = await startUserpilot({ people: PEOPLE, clock });
    const definition = catalogue.userpilot({ ...local(standIn), apiKey: env('USERPILOT_API_KEY') });
    const { connector, ledger } = open(standIn, clock, definition);
    expect(definition.describe().verification).toBe('none');
    expect(definition.describe().actions.export).toBe(false);
    const companies = BATCH.map(({ company = '' }) => [{ type: 'company_id', value: [company] }]);
    await ledger.delete(connector, ledger.batch(companies, 'company'));
    expect(standIn.callsOf('DELETE', /companies/).map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { companies: BATCH.map(({ company }) => company) },
    ]);
    expect(ledger.ranges.flatMap(({ tables }) => tables)).toEqual([
      { table: 'companies', removed: null, requested: 3, retained: [] },
    ]);
    expect(standIn.companies()).toHaveLength(PEOPLE.length);
    clock.advance(DAY);
    expect(standIn.companies()).toEqual(BYSTANDERS.map(({ company }) => company));
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });

  test('compares the ids of companies as the settings say, and those of users as before', async () => {
    const companyIdentity = { type: 'domain', match: 'caseInsensitive' } as const;
    const definition = catalogue.userpilot({ apiKey: env('USERPILOT_API_KEY'), companyIdentity });
    expect(definition.validate()).toEqual([]);
    expect(definition.describe().identityTypes).toEqual({
      user: { user_id: { comparison: 'exact', parts: 1 } },
      company: { domain: { comparison: 'caseInsensitive', parts: 1 } },
    });
  });
});

describe('activatepro', () => {
  test('lets the read-back decide when the tracking id is forgotten', async () => {
    const clock = clockOf();
    const standIn = await startActivatePro({ people: PEOPLE, clock });
    const definition = catalogue.activatepro({ ...local(standIn), masterKey: env('ACTIVATEPRO_MASTER_KEY') });
    const { connector, ledger } = open(standIn, clock, definition);
    const batch = ledger.batch(byId);
    await connector.hardDelete(batch, ledger.deletion(1), ledger.context());
    clock.advance(2 * DAY);
    expect(await ledger.delete(connector, batch)).toMatchObject({ done: true });
    expect(standIn.callsOf('GET', /track/).map(({ status }) => status)).toEqual([404]);
    expect(await ledger.verify(connector, batch)).toMatchObject({ survivors: 0 });
    // What the connector cannot see.
    expect(standIn.background()).toEqual(idsOf(BATCH));
  });
});

describe('segment', () => {
  const streams = (...statuses: string[]) => [
    { id: 'source', destinationStatus: statuses.map((status) => ({ name: 'x', id: 'x', status, errString: '' })) },
  ];
  test.each([
    ['FINISHED', ['FINISHED'], true],
    ['FAILED', ['FINISHED', 'NOT_SUPPORTED'], true],
    ['FAILED', ['FINISHED', 'FAILED'], false],
    ['PARTIAL_SUCCESS', ['FAILED', 'NOT_SUPPORTED'], false],
    ['INVALID', [], false],
  ])(
    'takes %s with destinations %j as the end, and as success only if each could delete or cannot',
    async (overallStatus, statuses, isDone) => {
      const clock = clockOf();
      const standIn = await startSegment({ people: PEOPLE, clock });
      const definition = catalogue.segment({ ...local(standIn), token: env('SEGMENT_TOKEN') });
      const { connector, ledger } = open(standIn, clock, definition);
      const regulation = { overallStatus, finishedAt: '2026-02-03T00:00:00Z', streamStatus: streams(...statuses) };
      standIn.faults.always(
        { kind: 'status', status: 200, body: JSON.stringify({ data: { regulation } }) },
        { method: 'GET' },
      );
      const result = ledger.delete(connector, ledger.batch(byId));
      const outcome = await result.catch((error: unknown) => error);
      expect(outcome).toMatchObject(
        isDone
          ? { done: true, attestedAt: new Date('2026-02-03T00:00:00Z') }
          : { message: 'refused regulation_failed', retryable: false },
      );
      expect(standIn.suppressed()).toEqual([]);
    },
  );

  test('lifts a suppression, and changes nothing else', async () => {
    const clock = clockOf();
    const standIn = await startSegment({ people: PEOPLE, clock });
    const definition = catalogue.segment({ ...local(standIn), token: env('SEGMENT_TOKEN') });
    const { connector, ledger } = open(standIn, clock, definition);
    await connector.setSuppression?.(ledger.batch(byId), true, ledger.context());
    expect(standIn.suppressed()).toEqual(idsOf(BATCH));
    await connector.setSuppression?.(ledger.batch(byId), false, ledger.context());
    expect(standIn.suppressed()).toEqual([]);
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });

  test('suppresses the people of a deletion that asks for it', async () => {
    const clock = clockOf();
    const standIn = await startSegment({ people: PEOPLE, clock });
    const definition = catalogue.segment({ ...local(standIn), token: env('SEGMENT_TOKEN') });
    const { connector, ledger } = open(standIn, clock, definition);
    await ledger.delete(connector, ledger.batch(byId), { suppress: true });
    expect(standIn.suppressed()).toEqual(idsOf(BATCH));
    expect(standIn.regulations.map(({ type }) => type)).toEqual(['DELETE_ONLY', 'SUPPRESS_ONLY']);
  });
});

describe('hubspot', () => {
  test('never deletes by e-mail, so that no address of an unknown person is on the blocklist', async () => {
    const clock = clockOf();
    const standIn = await startHubSpot({ people: PEOPLE, clock });
    const { connector, ledger } = open(
      standIn,
      clock,
      catalogue.hubspot({ ...local(standIn), token: env('HUBSPOT_TOKEN') }),
    );
    await ledger.delete(connector, ledger.batch([...byEmail, [{ type: 'email', value: ['unknown@x.test'] }]]));
    expect(standIn.blocklist).toEqual([]);
    expect(standIn.callsOf('POST', /gdpr-delete/).map(({ body }) => Object.keys(JSON.parse(body) as object))).toEqual(
      BATCH.map(() => ['objectId']),
    );
    // The search still finds them, and the contacts themselves are gone.
    expect(await ledger.verify(connector, ledger.batch(byEmail))).toMatchObject({ survivors: 0 });
  });
});

describe('stripe', () => {
  test('creates one job although the answer is lost, because the idempotency key is the same', async () => {
    const clock = clockOf();
    const standIn = await startStripe({ people: PEOPLE, clock });
    const definition = catalogue.stripe({ ...local(standIn), secretKey: env('STRIPE_SECRET_KEY') });
    const { connector, ledger } = open(standIn, clock, definition);
    standIn.faults.at(1, { kind: 'lost' }, { path: /redaction_jobs$/ });
    await ledger.delete(connector, ledger.batch(byEmail));
    const creations = standIn.callsOf('POST', /redaction_jobs$/);
    expect(creations).toHaveLength(2);
    expect(new Set(creations.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(creations[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(standIn.jobs).toHaveLength(1);
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
  });

  test('refuses when the validation fails, and does not run the job', async () => {
    const clock = clockOf();
    const standIn = await startStripe({ people: PEOPLE, clock });
    const definition = catalogue.stripe({ ...local(standIn), secretKey: env('STRIPE_SECRET_KEY') });
    const { connector, ledger } = open(standIn, clock, definition);
    const batch = ledger.batch(byEmail);
    await connector.hardDelete(batch, ledger.deletion(1), ledger.context());
    standIn.failValidation();
    clock.advance(DAY);
    await expect(ledger.delete(connector, batch)).rejects.toMatchObject({ message: 'refused validation_failed' });
    expect(standIn.callsOf('POST', /run$/)).toEqual([]);
    await ledger.delete(connector, batch);
    expect(standIn.jobs.map(({ status }) => status)).toEqual(['failed', 'succeeded']);
  });
});

describe('zendesk', () => {
  test('blocks a user with open tickets, deletes the others, and deletes the user when they are closed', async () => {
    const clock = clockOf();
    const standIn = await startZendesk({ people: PEOPLE, clock, jobMs: 0, openTickets: ['canary-2'] });
    const definition = catalogue.zendesk({ ...local(standIn), user: ZENDESK.user, token: env('ZENDESK_TOKEN') });
    const { connector, ledger } = open(standIn, clock, definition);
    const batch = ledger.batch(byEmail);
    const result = await ledger.delete(connector, batch);
    expect('blocked' in result ? result.blocked?.map(({ seq }) => seq) : null).toEqual([2]);
    expect(standIn.present()).toEqual(['canary-2', ...idsOf(BYSTANDERS)]);
    expect(standIn.softDeleted()).toEqual([]);
    standIn.openTickets.clear();
    expect(await ledger.delete(connector, batch)).toEqual({ done: true });
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
  });

  test('keeps the declared limit of permanent deletions, or the one of the settings', async () => {
    const clock = clockOf();
    const standIn = await startZendesk({ people: PEOPLE, clock, jobMs: 0 });
    const settings = { ...local(standIn), user: ZENDESK.user, token: env('ZENDESK_TOKEN') };
    expect(catalogue.zendesk(settings).describe().limits.lanes?.['erase']).toEqual([
      { calls: 700, perMs: 10 * MINUTE },
    ]);
    const definition = catalogue.zendesk({ ...settings, pace: { erase: [{ every: '1 minute' }] } });
    expect(definition.describe().limits.lanes).toEqual({
      erase: [{ calls: 1, perMs: MINUTE }],
      read: [{ calls: 200, perMs: MINUTE }],
    });
    const { connector, ledger } = open(standIn, clock, definition);
    await ledger.delete(connector, ledger.batch(byEmail));
    const times = standIn.callsOf('DELETE', /deleted_users/).map(({ at }) => at);
    expect(times.map((at) => at - (times[0] ?? 0))).toEqual([0, MINUTE, 2 * MINUTE]);
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
  });
});

describe('intercom', () => {
  test('does not claim to hide, because it cannot find what is archived', async () => {
    const clock = clockOf();
    const standIn = await startIntercom({ people: PEOPLE, clock });
    const definition = catalogue.intercom({ ...local(standIn), token: env('INTERCOM_TOKEN') });
    const { connector, ledger } = open(standIn, clock, definition);
    expect(definition.describe().actions).toMatchObject({ hide: false, restore: false });
    standIn.archive('canary-1');
    expect((await connector.count?.(ledger.batch(byEmail), 'data', ledger.context()))?.presentSeqs).toEqual([2, 3]);
  });

  test('counts a contact that was merged into another one as deleted', async () => {
    const clock = clockOf();
    const standIn = await startIntercom({ people: PEOPLE, clock });
    const { connector, ledger } = open(
      standIn,
      clock,
      catalogue.intercom({ ...local(standIn), token: env('INTERCOM_TOKEN') }),
    );
    const batch = ledger.batch(byEmail);
    await connector.count?.(batch, 'data', ledger.context());
    standIn.merge('canary-2');
    expect(await ledger.delete(connector, batch)).toEqual({ done: true });
    expect(standIn.callsOf('DELETE', /contacts/).map(({ status }) => status)).toEqual([200, 404, 200]);
    expect(ledger.ranges.flatMap(({ tables }) => tables.map(({ removed }) => removed))).toEqual([2]);
    expect(standIn.retrievable()).toEqual(['canary-1', 'canary-3']);
  });
});

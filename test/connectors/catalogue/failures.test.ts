import { afterEach, describe, expect, test } from 'vitest';
import { ConnectorError } from '../../../connectors/connector.ts';
import { type Fault, tooManyRequests } from '../../support/servers/stand-ins/server/faults.ts';
import { BYSTANDERS, idsOf, NAMES, openSystem, type OpenSystem, PEOPLE, SECRETS, SYSTEMS } from './systems.ts';

const FOREIGN = 'https://elsewhere.test/?who=canary-1';

/** What each answer to every call must be: retried, or refused. */
const FAULTS: readonly (readonly [string, Fault, 'retried' | 'refused'])[] = [
  ['400', { kind: 'status', status: 400, body: 'canary-1' }, 'refused'],
  ['401', { kind: 'status', status: 401, body: 'canary-1' }, 'refused'],
  ['403', { kind: 'status', status: 403, body: 'canary-1' }, 'refused'],
  ['404', { kind: 'status', status: 404, body: 'canary-1' }, 'refused'],
  ['429 with Retry-After', tooManyRequests(120), 'retried'],
  ['500', { kind: 'status', status: 500, body: 'canary-1' }, 'retried'],
  ['503 with Retry-After', { kind: 'status', status: 503, headers: { 'retry-after': '120' } }, 'retried'],
  ['garbage', { kind: 'garbage' }, 'retried'],
  ['half an answer', { kind: 'half' }, 'retried'],
  ['a lost connection', { kind: 'lost' }, 'retried'],
  ['a redirect to another host', { kind: 'redirect', to: FOREIGN }, 'refused'],
];

describe.each(NAMES)('%s', (name) => {
  let system: OpenSystem | undefined;
  afterEach(() => system?.close());

  test.each(FAULTS)('reports %s without an identity or a secret, and deletes when it ends', async (_, fault, then) => {
    system = await openSystem(name);
    const { connector, ledger, clock, standIn, subjects } = system;
    const batch = ledger.batch(subjects);
    standIn.faults.always(fault);
    const error = await errorOf(connector.hardDelete(batch, ledger.deletion(1), ledger.context()));
    expect(error.retryable).toBe(then === 'retried');
    expectNothingPersonal(error);
    const waits = fault.kind === 'status' && fault.headers !== undefined;
    // In minutes, because some of the time has passed since the answer.
    expect(Math.round((error.retryAfterMs ?? 0) / 60_000)).toBe(waits ? 2 : 0);
    expect(ledger.postponed.map(({ until }) => until.getTime() > Date.now() + 100_000)).toEqual(waits ? [true] : []);
    expect(ledger.ranges).toEqual([]);
    standIn.faults.clear();
    clock.advance(60_000);
    await ledger.delete(connector, batch);
    clock.advance(SYSTEMS[name].lagMs);
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
  });

  test('does not name an identity or a secret when the system quotes them in an answer of another form', async () => {
    system = await openSystem(name);
    const { connector, ledger, standIn, subjects } = system;
    const body = JSON.stringify({ error: Object.values(SECRETS), results: idsOf(PEOPLE), data: 'canary-1', id: null });
    standIn.faults.always({ kind: 'status', status: 200, body });
    const texts: string[] = [];
    await connector.hardDelete(ledger.batch(subjects), ledger.deletion(1), ledger.context()).then(
      (result) => texts.push(JSON.stringify(result)),
      (error: unknown) => texts.push(textOf(error)),
    );
    // The answers of Userpilot and Braze to a deletion have nothing that the connector reads.
    const isUnread = name === 'userpilot' || name === 'braze';
    const unexpected = /^HttpError (?:the answer has an unexpected form|refused unexpected_answer)$/;
    expect(texts.join()).toMatch(isUnread ? /^\{"done":true\}$/ : unexpected);
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });

  test('reports a wrong secret as a config error at its place, and deletes nothing', async () => {
    const wrong = Object.fromEntries(Object.keys(SECRETS).map((key) => [key, 'wrong-secret']));
    system = await openSystem(name, { secrets: wrong });
    const { connector, ledger, standIn, subjects } = system;
    const errors = await connector.inspect();
    expect(errors.map(({ path }) => path)).toEqual(['auth']);
    expect(JSON.stringify(errors)).not.toContain('wrong-secret');
    const error = await errorOf(connector.hardDelete(ledger.batch(subjects), ledger.deletion(1), ledger.context()));
    expect(error.retryable).toBe(false);
    expect(error.message).not.toContain('wrong-secret');
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });

  test('throws the reason and calls nothing when it is cancelled before it begins', async () => {
    system = await openSystem(name);
    const { connector, ledger, standIn, subjects } = system;
    const reason = new Error('the activity was cancelled');
    const context = ledger.context(AbortSignal.abort(reason));
    await expect(connector.hardDelete(ledger.batch(subjects), ledger.deletion(1), context)).rejects.toBe(reason);
    expect(standIn.calls).toEqual([]);
  });
});

test('reports a system that never answers as a timeout without an identity', async () => {
  await Promise.all(
    NAMES.map(async (name) => {
      const { connector, ledger, standIn, subjects, close } = await openSystem(name, {
        settings: { timeout: '0.2 seconds' },
      });
      standIn.faults.always({ kind: 'hang' });
      const error = await errorOf(connector.hardDelete(ledger.batch(subjects), ledger.deletion(1), ledger.context()));
      expect([name, error.code, error.retryable]).toEqual([name, 'timeout', true]);
      expectNothingPersonal(error);
      await close();
    }),
  );
});

async function errorOf(call: Promise<unknown>): Promise<ConnectorError> {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConnectorError) return error;
  throw new Error('the call did not throw an error of a connector', { cause: error });
}

const textOf = (error: unknown): string => (error instanceof Error ? `${error.name} ${error.message}` : 'no error');

function expectNothingPersonal(error: ConnectorError): void {
  const text = `${textOf(error)} ${error.stack ?? ''} ${JSON.stringify(error)}`.toLowerCase();
  expect(error.cause).toBeUndefined();
  for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret.toLowerCase());
  for (const { id, email = '' } of PEOPLE)
    for (const value of [id, email.toLowerCase()]) expect(text).not.toContain(value);
}

import { inspect } from 'node:util';
import { DrizzleQueryError, eq, sql } from 'drizzle-orm';
import { hasTelemetry } from 'drizzle-orm/tracing';
import { expect, test } from 'vitest';
import { connect, type Queries } from '../../../db/client.ts';
import { errorCode, isStorageUnavailable, startupError } from '../../../db/errors.ts';
import { holds } from '../../../db/schema/holds.ts';
import { transaction } from '../../../db/transaction.ts';
import { START, testApi, user } from '../../api/support/api.ts';

const api = await testApi();

/** The error of a statement whose cause quotes a parameter. */
async function catchDrizzleError(
  send: (queries: Queries) => PromiseLike<unknown>,
  inside: boolean,
): Promise<DrizzleQueryError> {
  const { database } = api;
  const sent = inside ? transaction(database, async (tx) => send(tx)) : Promise.resolve(send(database));
  const error: unknown = await sent.catch((thrown: unknown) => thrown);
  if (!(error instanceof DrizzleQueryError)) throw new Error('the error is not of drizzle', { cause: error });
  return error;
}
const row = { id: 'hold_canary', project: 'demo', kind: 'user', caseRef: 'canary-case', heldBy: 'c' } as const;
const insert = (queries: Queries) =>
  queries.insert(holds).values({ ...row, identities: 1, placedAt: START, placedBy: 'mem_1' });

test.each([false, true])(
  'returns the code and no parameter of a drizzle error when being in a transaction is %j',
  async (inside) => {
    await api.database.delete(holds);
    await insert(api.database);
    const errors = [
      await catchDrizzleError((queries) => queries.execute(sql`SELECT ${'canary-17'}::integer`), inside),
      await catchDrizzleError(
        (queries) =>
          queries
            .select()
            .from(holds)
            .where(eq(holds.id, sql`${'canary-id'}::uuid::text`)),
        inside,
      ),
      await catchDrizzleError((queries) => insert(queries), inside),
    ];
    expect(errors.map(errorCode)).toEqual(['22P02', '22P02', '23505']);
    for (const error of errors) {
      expect(error.params).toBeUndefined();
      for (const text of [error.message, error.stack]) expect(text).not.toContain('canary');
      // The driver's error quotes a parameter, so only its code is used.
      expect(inspect(error.cause, { showHidden: true })).toContain('canary');
      expect(isStorageUnavailable(error)).toBe(false);
      expect(JSON.stringify(startupError(error))).not.toContain('canary');
    }
  },
);

test('shows only the code of a drizzle error in the problem and the log', async () => {
  await api.database.delete(holds);
  await api.sql.unsafe(`
    CREATE FUNCTION public.quote() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION USING message = NEW::text, detail = NEW::text; END';
    CREATE TRIGGER quote BEFORE INSERT ON lethe.holds FOR EACH ROW EXECUTE FUNCTION public.quote()`);
  const thrown = await catchDrizzleError((queries) => insert(queries), false);
  expect(thrown.cause?.message).toContain('canary-case');
  api.log.splice(0);
  const hold = {
    project: 'demo',
    kind: 'user',
    identities: [user('canary-held')],
    caseRef: 'canary-case',
    heldBy: 'c',
  };
  const answer = await api.call('POST', '/v1/holds', hold);
  expect(answer.json).toMatchObject({ status: 500, code: 'internal' });
  expect(answer.text).not.toContain('canary');
  expect(api.log.join('')).toContain('"code":"P0001"');
  expect(api.log.join('')).not.toContain('canary');
});

test('does not use the statement of a drizzle error without a code as the startup error', () => {
  const error = new DrizzleQueryError('SELECT 1', undefined, new Error('canary'));
  expect(startupError(error)).toEqual({ code: null, reason: undefined });
  expect(startupError(new Error('the database lacks 0001_ledger'))).toEqual({
    code: null,
    reason: 'the database lacks 0001_ledger',
  });
});

test('has no telemetry in this build of drizzle, so no span contains parameters', () => {
  expect(hasTelemetry).toBe(false);
});

test('explains an error at the start with the address, the role, the database and the variable, without the password', async () => {
  const { url } = api;
  const { host } = new URL(url);
  const explain = async (change: (at: URL) => void) => {
    const at = new URL(url);
    at.password = 'canary-secret';
    change(at);
    const database = connect(at.href, { connections: 1 });
    const error: unknown = await database.execute(sql`SELECT 1`).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    await database.$client.end();
    return startupError(error, at.href).reason;
  };
  expect(await explain((at) => (at.pathname = '/nowhere'))).toBe(
    `PostgreSQL at ${host} has no database nowhere; create it, or correct DATABASE_URL`,
  );
  expect(await explain((at) => (at.username = 'stranger'))).toBe(
    `PostgreSQL at ${host} does not let the role stranger in; correct DATABASE_URL, or allow the role in pg_hba.conf`,
  );
  expect(await explain((at) => (at.port = '1'))).toBe(
    'no PostgreSQL listens at 127.0.0.1:1; start it, or correct DATABASE_URL',
  );
  const refused = Object.assign(new Error('password authentication failed for canary'), { code: '28P01' });
  expect(startupError(refused, url).reason).toMatch(/rejects the password of the role \w+; correct DATABASE_URL$/);
  const file = Object.assign(new Error("EACCES: permission denied, open '/x/.env'"), {
    code: 'EACCES',
    path: '/x',
    syscall: 'open',
  });
  expect(startupError(file, url).reason).toBe(file.message);
  expect(startupError(Object.assign(new Error('canary'), { code: 'ERR_OTHER' }), url).reason).toBeUndefined();
});

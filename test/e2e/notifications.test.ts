import { Client, Connection } from '@temporalio/client';
import type postgres from 'postgres';
import { Webhook } from 'standardwebhooks';
import { beforeAll, expect, test } from 'vitest';
import type { Supervised } from '../../dev/embedded/child-process.ts';
import { startTemporal, type TemporalServer } from '../../dev/embedded/temporal/temporal.ts';
import { mailServer } from '../support/servers/mail-server.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { startReceiver } from '../support/servers/receiver.ts';
import { findsIn, needlesOf } from './support/needles.ts';
import {
  atTheEnd,
  caller,
  folder,
  polls,
  prepareApp,
  quietly,
  type Service,
  startService,
  until,
} from './support/service.ts';
import { executions, filesBeside } from './support/temporal-state.ts';

const COLLEAGUE = 'canary-colleague@lethe.test';
const dbFile = `${folder()}/temporal.db`;
const hook = await startReceiver();
const mails = await mailServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
let temporal: TemporalServer;
let service: Service;
let ledger: postgres.Sql;
let api: Supervised;
let apiUrl: string;
let worker: Supervised;
let app: postgres.Sql;

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  ledger = quietly(ledgerUrl);
  app = await prepareApp(appUrl);
  temporal = await startTemporal({ dbFile });
  atTheEnd(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address });
  ({ api, apiUrl } = await service.startApi({ LETHE_WEBHOOK_NETWORKS: '127.0.0.1' }));
  worker = await service.startWorker({
    LETHE_WEBHOOK_NETWORKS: '127.0.0.1',
    LETHE_PUBLIC_URL: apiUrl,
    MAIL_URL: mails.url().href,
    MAIL_FROM: 'Lethe <lethe@lethe.test>',
  });
  await polls(worker);
}, 120_000);

/** Everything that the ledger holds. */
async function rows(): Promise<string> {
  const tables = await ledger<{ name: string }[]>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'lethe'`;
  const dumps = tables.map(async ({ name }) => {
    const found = await ledger.unsafe<{ row: string }[]>(
      `SELECT concat(t::text, to_jsonb(t)::text) AS row FROM lethe.${name} t`,
    );
    return found.map(({ row }) => row).join('\n');
  });
  return (await Promise.all(dumps)).join('\n');
}

const mailsAbout = (requestId: string) => mails.received.filter(({ message }) => message.includes(requestId));
const statusesOf = (requestId: string, secret: string): readonly string[] =>
  hook.received.flatMap(({ body, headers }) => {
    const { data } = new Webhook(secret).verify(body, headers) as { data: { id: string; status: string } };
    return data.id === requestId ? [data.status] : [];
  });

test(
  'an export and a deletion are told by mail and webhook, the link in the mail downloads once, and no trace of either is left',
  { timeout: 240_000 },
  async () => {
    await app`INSERT INTO app.users VALUES ('canary-1', gen_random_uuid(), 'canary-2', 'canary-3@lethe.test', 'berlin', 'canary-4', now())`;
    const added = await fetch(`${apiUrl}/v1/webhooks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: hook.url }),
    });
    const { secret } = (await added.json()) as { secret: string };
    const ask = caller(service);
    const subjects = { kind: 'user', identities: [{ type: 'user_id', value: 'canary-1' }] };

    const exported = await ask.submit(subjects, { kind: 'export', notify: COLLEAGUE });
    await until(
      'the export is mailed',
      async () => mailsAbout(exported).length > 0,
      () => `${worker.log()}`,
    );
    const [mail] = mailsAbout(exported);
    expect(mail).toMatchObject({ to: [COLLEAGUE], from: 'lethe@lethe.test' });
    const [link = '', token = ''] =
      /^http:\S+\/download\/(\S{43})$/m.exec(mail?.message.replaceAll('\r', '') ?? '') ?? [];
    expect(link.startsWith(apiUrl)).toBe(true);
    const [first, second] = [await fetch(link, { method: 'POST' }), await fetch(link, { method: 'POST' })];
    expect([first.status, first.headers.get('content-type')]).toEqual([200, 'application/zip']);
    expect(
      Buffer.from(await first.arrayBuffer())
        .subarray(0, 2)
        .toString(),
    ).toBe('PK');

    const deleted = await ask.submit(subjects, { notify: COLLEAGUE });
    await ask.reaches(deleted, 'completed');
    await until('the deletion is mailed', async () => mailsAbout(deleted).length > 0);
    await until('all of it is told', async () => statusesOf(deleted, secret).includes('completed'));
    expect(statusesOf(exported, secret).slice(0, 5)).toEqual([
      'received',
      'resolving',
      'collecting',
      'packaging',
      'ready',
    ]);
    expect(statusesOf(deleted, secret)).toEqual([
      'received',
      'resolving',
      'grace',
      'deleting',
      'verifying',
      'completed',
    ]);
    expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(hook.received.length);
    expect(mails.received.map(({ to }) => to)).toEqual([[COLLEAGUE], [COLLEAGUE]]);
    await until('all of it is written down', async () => {
      const open = await ledger`SELECT FROM lethe.deliveries WHERE ended_at IS NULL`;
      return open.length === 0;
    });
    // One that was used up looks like one that never was.
    expect([second.status, second.headers.get('content-type')]).not.toContain('application/zip');

    const needles = needlesOf([COLLEAGUE, 'canary-', secret.slice('whsec_'.length), token]);
    for (const text of mails.received.map(({ message }) => message)) expect(text).not.toMatch(/canary-[1-4]/);
    expect(findsIn('what webhooks were sent', JSON.stringify(hook.received), needles)).toEqual([]);
    expect(findsIn('rows', await rows(), needles)).toEqual([]);
    for (const [name, log, said] of [
      ['the API’s log', api.log(), '"answered"'],
      ['the worker’s log', worker.log(), '"polling"'],
    ] as const) {
      expect(log).toContain(said);
      expect(findsIn(name, log, needles)).toEqual([]);
    }
    const connection = await Connection.connect({ address: temporal.address });
    atTheEnd(() => connection.close());
    const ran = await executions(new Client({ connection }));
    expect(ran.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['exportRequest', 'deletionRequest', 'deliverNotifications']),
    );
    for (const { workflowId, texts } of ran) expect(findsIn(workflowId, texts.join('\n'), needles)).toEqual([]);
    for (const { name, bytes } of filesBeside(dbFile)) expect(findsIn(name, bytes, needles)).toEqual([]);
  },
);

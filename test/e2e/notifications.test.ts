import { Client, Connection } from '@temporalio/client';
import type postgres from 'postgres';
import { Webhook } from 'standardwebhooks';
import { beforeAll, expect, test } from 'vitest';
import type { ServerProcess } from '../../dev/embedded/child-process.ts';
import { startTemporal, type TemporalServer } from '../../dev/embedded/temporal/temporal.ts';
import { mailServer } from '../support/servers/mail-server.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { startReceiver } from '../support/servers/receiver.ts';
import { readDatabaseFiles, search, needlesOf } from '../../dev/drill/canaries.ts';
import {
  onCleanup,
  createCaller,
  temporaryFolder,
  waitUntilPolling,
  prepareApp,
  connectUnlogged,
  type Service,
  startService,
  waitUntil,
} from './support/service.ts';
import { listExecutions } from './support/temporal-state.ts';

const COLLEAGUE = 'canary-colleague@lethe.test';
const dbFile = `${temporaryFolder()}/temporal.db`;
const webhookReceiver = await startReceiver();
const mailbox = await mailServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
let temporal: TemporalServer;
let service: Service;
let ledger: postgres.Sql;
let api: ServerProcess;
let apiUrl: string;
let worker: ServerProcess;
let app: postgres.Sql;

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  ledger = connectUnlogged(ledgerUrl);
  app = await prepareApp(appUrl);
  temporal = await startTemporal({ dbFile });
  onCleanup(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address });
  ({ api, apiUrl } = await service.startApi({ LETHE_WEBHOOK_NETWORKS: '127.0.0.1' }));
  worker = await service.startWorker({
    LETHE_WEBHOOK_NETWORKS: '127.0.0.1',
    LETHE_PUBLIC_URL: apiUrl,
    MAIL_URL: mailbox.url().href,
    MAIL_FROM: 'Lethe <lethe@lethe.test>',
  });
  await waitUntilPolling(worker);
}, 120_000);

/** All rows of the ledger. */
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

const mailsAbout = (requestId: string) => mailbox.received.filter(({ message }) => message.includes(requestId));
const statusesOf = (requestId: string, secret: string): readonly string[] =>
  webhookReceiver.received.flatMap(({ body, headers }) => {
    const { data } = new Webhook(secret).verify(body, headers) as { data: { id: string; status: string } };
    return data.id === requestId ? [data.status] : [];
  });

test(
  'sends mails and webhooks with a single-use download link and leaves no trace of personal data',
  { timeout: 240_000 },
  async () => {
    await app`INSERT INTO app.users VALUES ('canary-1', gen_random_uuid(), 'canary-2', 'canary-3@lethe.test', 'berlin', 'canary-4', now())`;
    const added = await fetch(`${apiUrl}/v1/webhooks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: webhookReceiver.url }),
    });
    const { secret } = (await added.json()) as { secret: string };
    const caller = createCaller(service);
    const subjects = { kind: 'user', identities: [{ type: 'user_id', value: 'canary-1' }] };

    const exported = await caller.submit(subjects, { kind: 'export', notify: COLLEAGUE });
    await waitUntil(
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

    const deleted = await caller.submit(subjects, { notify: COLLEAGUE });
    await caller.waitForStatus(deleted, 'completed');
    await waitUntil('the deletion is mailed', async () => mailsAbout(deleted).length > 0);
    await waitUntil('the webhook receives the last status', async () =>
      statusesOf(deleted, secret).includes('completed'),
    );
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
    expect(new Set(webhookReceiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(
      webhookReceiver.received.length,
    );
    expect(mailbox.received.map(({ to }) => to)).toEqual([[COLLEAGUE], [COLLEAGUE]]);
    await waitUntil('all deliveries are recorded', async () => {
      const open = await ledger`SELECT FROM lethe.deliveries WHERE ended_at IS NULL`;
      return open.length === 0;
    });
    // A used link has the same response as an unknown one.
    expect([second.status, second.headers.get('content-type')]).not.toContain('application/zip');

    const needles = needlesOf([COLLEAGUE, 'canary-', secret.slice('whsec_'.length), token]);
    for (const text of mailbox.received.map(({ message }) => message)) expect(text).not.toMatch(/canary-[1-4]/);
    expect(search('webhook calls', JSON.stringify(webhookReceiver.received), needles)).toEqual([]);
    expect(search('rows', await rows(), needles)).toEqual([]);
    for (const [name, log, expected] of [
      ['the API’s log', api.log(), '"request completed"'],
      ['the worker’s log', worker.log(), '"polling"'],
    ] as const) {
      expect(log).toContain(expected);
      expect(search(name, log, needles)).toEqual([]);
    }
    const connection = await Connection.connect({ address: temporal.address });
    onCleanup(() => connection.close());
    const ran = await listExecutions(new Client({ connection }));
    expect(ran.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['fulfillExport', 'fulfillDeletion', 'deliverNotifications']),
    );
    for (const { workflowId, texts } of ran) expect(search(workflowId, texts.join('\n'), needles)).toEqual([]);
    for (const { name, bytes } of readDatabaseFiles(dbFile)) expect(search(name, bytes, needles)).toEqual([]);
  },
);

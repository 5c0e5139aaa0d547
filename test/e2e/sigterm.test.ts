import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { archives } from '../support/archives.ts';
import { notificationDeps } from '../support/outbound.ts';
import { housekeepingActivities } from '../../activities/housekeeping.ts';
import { temporalOrchestrator } from '../../api/temporal/orchestrator.ts';
import { connect, type Database } from '../../db/client.ts';
import { workflowIdFor } from '../../domain/ids.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { KEYS } from '../support/ledger.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { onCleanup, type Service, startService, waitUntil } from './support/service.ts';

const POSTS = 500;
const CONNECTIONS = 100;
/** The number of responses before the signal. */
const ANSWERS_BEFORE = 150;

let ledger: Database;
let service: Service;
let temporal: Client;

beforeAll(async () => {
  const { url: ledgerUrl } = await ledgerDatabase();
  ledger = connect(ledgerUrl, { connections: 1 });
  onCleanup(() => ledger.$client.end({ timeout: 1 }));
  const server = await startTemporal();
  onCleanup(() => server.stop());
  const connection = await Connection.connect({ address: server.address });
  onCleanup(() => connection.close());
  temporal = new Client({ connection });
  service = await startService({ ledgerUrl, appUrl: ledgerUrl, temporalAddress: server.address });
}, 120_000);

/** The result of a call. `sent`: the caller had sent the complete request before the signal. */
interface CallResult {
  readonly n: number;
  readonly sent: boolean;
  readonly status: number | null;
  readonly id: string | null;
}
const Accepted = z.object({ id: z.string() });
const canary = (n: number): string => `canary-${String(n).padStart(3, '0')}`;

async function post(n: number, agent: Agent, signalled: () => boolean): Promise<CallResult> {
  const subjects = { kind: 'user', identities: [{ type: 'user_id', value: canary(n) }] };
  const body = JSON.stringify({ project: 'demo', kind: 'deletion', regulation: 'gdpr', subjects });
  const headers = { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' };
  let sent = false;
  const call = request(`${service.apiUrl}/v1/requests`, { method: 'POST', agent, headers });
  call.on('finish', () => (sent = !signalled()));
  try {
    const received = once(call, 'response');
    call.end(body);
    const [answer] = z.tuple([z.custom<AsyncIterable<Buffer> & { statusCode: number }>()]).parse(await received);
    let text = '';
    for await (const chunk of answer) text += chunk.toString();
    const { statusCode: status } = answer;
    return { n, sent, status, id: status === 202 ? Accepted.parse(JSON.parse(text)).id : null };
  } catch {
    return { n, sent, status: null, id: null };
  }
}

const startedBy = async (ids: readonly string[]): Promise<readonly string[]> => {
  const described = await Promise.allSettled(
    ids.map((id) => temporal.workflow.getHandle(workflowIdFor(id)).describe()),
  );
  return ids.filter((_, n) => described[n]?.status === 'fulfilled');
};

/** Runs housekeeping without a worker, which would also delete. */
async function runHousekeeping(): Promise<void> {
  const log = { warn: () => {} };
  const starter = temporalOrchestrator(temporal, { database: ledger, log });
  const connector = () => {
    throw new Error('housekeeping must not call a system');
  };
  const deps = {
    database: ledger,
    reading: ledger,
    keys: KEYS,
    catalog: new Map(),
    connector,
    starter,
    storage: archives(),
    ...notificationDeps(),
  };
  await housekeepingActivities(deps).recoverStalledWork({ asOf: Date.now() });
}

test(
  'has a row and a workflow for every 202 response when SIGTERM stops the API during 500 POSTs',
  { timeout: 180_000 },
  async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    onCleanup(() => agent.destroy());
    let answers = 0;
    let signalled = false;
    const calls = Array.from({ length: POSTS }, async (_, n) => {
      const result = await post(n, agent, () => signalled);
      answers += 1;
      if (answers !== ANSWERS_BEFORE) return result;
      process.kill(service.api.pid, 'SIGTERM');
      signalled = true;
      return result;
    });
    const results = await Promise.all(calls);
    await waitUntil(
      'the API exits',
      async () => service.api.hasExited(),
      () => service.api.log(),
    );

    const accepted = results.filter((one) => one.status === 202);
    const unanswered = results.filter((one) => one.status === null);
    expect(accepted.length + unanswered.length).toBe(POSTS);
    // The signal arrived while some calls were in progress, so some later calls failed.
    expect(accepted.length).toBeGreaterThan(ANSWERS_BEFORE);
    expect(unanswered.length).toBeGreaterThan(0);
    expect(results.filter((one) => one.sent && one.status !== 202)).toEqual([]);

    const rows = await ledger.$client<{ id: string; name: string }[]>`
      SELECT requests.id, value[1] AS name FROM lethe.requests JOIN lethe.submitted_identities ON request_id = requests.id`;
    const byName = (all: readonly { name: string; id: string | null }[]) =>
      all.map(({ name, id }) => `${name} ${id}`).toSorted();
    expect(byName(rows)).toEqual(byName(accepted.map(({ n, id }) => ({ name: canary(n), id }))));
    expect(await ledger.$client`SELECT FROM lethe.requests`).toHaveLength(rows.length);

    expect(service.api.exitCode()).toBe(0);
    expect(service.api.log().split('\n').at(-1)).toContain('"stopped"');
    expect(service.api.log()).not.toMatch(/canary|"level":(50|60)/);

    // Housekeeping starts the workflows that the API could not start before it stopped.
    await ledger.$client`UPDATE lethe.requests SET attended_at = attended_at - interval '1 hour'`;
    await runHousekeeping();
    const ids = rows.map((row) => row.id);
    expect(await startedBy(ids)).toEqual(ids);
  },
);

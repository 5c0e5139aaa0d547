import { createLedgerActivities, createSystemActivities } from '../../../activities/index.ts';
import type { ActivityDeps } from '../../../activities/deps.ts';
import type { Connector, ConnectorContext, Lanes } from '../../../connectors/connector.ts';
import type { Catalog } from '../../../domain/catalog.ts';
import { archives } from '../../support/archives.ts';
import { accept, allKnown, APP, KEYS, type Ledger, ledger, POLICY, resolve, user } from '../../support/ledger.ts';
import { notificationDeps } from '../../support/outbound.ts';
import { idleStarter } from '../environment.ts';

/** The activities of a worker whose only system, `app`, does what the test says when subjects are hidden in it. */
export interface SystemWorld extends Ledger {
  readonly activities: ReturnType<typeof createLedgerActivities> & ReturnType<typeof createSystemActivities>;
  /** What the system does when it is called. */
  readonly system: { call: (context: ConnectorContext) => Promise<void>; calls: number; probes: number };
  readonly watched: string[];
}

export async function startSystemWorld(lanes: Lanes = {}): Promise<SystemWorld> {
  const world = await ledger();
  const system: SystemWorld['system'] = { call: async () => {}, calls: 0, probes: 0 };
  const watched: string[] = [];
  const catalog: Catalog = new Map([
    ['demo', { name: 'demo', policy: POLICY, directory: 'app', systems: [{ ...APP, lanes }] }],
  ]);
  const connector = {
    inspect: async () => {
      system.probes += 1;
      return [];
    },
    setVisibility: async (_batch, _change, context) => {
      system.calls += 1;
      await system.call(context);
    },
    hardDelete: async () => ({ done: true }),
    close: async () => {},
  } satisfies Connector;
  const deps: ActivityDeps = {
    ...world,
    keys: KEYS,
    catalog,
    connector: () => connector,
    starter: { ...idleStarter, watchSystem: async (project, name) => void watched.push(`${project}/${name}`) },
    storage: archives(),
    ...notificationDeps(),
  };
  const activities = { ...createLedgerActivities(deps), ...createSystemActivities(deps) };
  return { ...world, activities, system, watched };
}

/** Accepts a request and resolves its subject, which is to be hidden. */
export async function resolvedRequest(world: Ledger, name: string): Promise<string> {
  const requestId = await accept(world, [user(name)]);
  await resolve(world, requestId, allKnown([user(name)]));
  return requestId;
}

export const stepInput = (requestId: string, at: Date) => ({
  requestId,
  project: 'demo',
  system: 'app',
  asOf: at.getTime(),
});

export const rowsOf = async ({ sql }: Ledger, requestId: string) => ({
  waits: await sql`SELECT system, step, code, until FROM lethe.waits WHERE request_id = ${requestId}`,
  attention: await sql`SELECT code FROM lethe.attention WHERE request_id = ${requestId}`,
});

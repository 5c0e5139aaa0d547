import { pino } from 'pino';
import { expect } from 'vitest';
import { createApp } from '../../../api/app.ts';
import { addMemberOrToken } from '../../../db/members/members.ts';
import type { Role } from '../../../domain/vocabulary.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { PUBLIC_URL } from '../../support/archives.ts';
import { KEYS } from '../../support/ledger.ts';
import { nowOf } from '../../support/world/actions.ts';
import type { World } from '../../support/world/world.ts';

/** The members who call the API. */
const MEMBERS = [
  ['ann', 'demo', 'owner'],
  ['bob', 'demo', 'owner'],
  ['cid', 'demo', 'admin'],
  ['dan', 'unverifiable', 'owner'],
] as const satisfies readonly (readonly [string, string, Role])[];

/** The real API on the ledger of the workers, with the clock of the time-skipping server. */
export async function callers(world: World) {
  const clock = { now: new Date() };
  const app = createApp({
    database: world.database,
    keys: KEYS,
    catalog: world.deps.catalog,
    orchestrator: world.orchestrator,
    now: () => clock.now,
    storage: world.deps.storage,
    publicUrl: PUBLIC_URL,
    logger: pino({ level: 'silent' }),
  });
  const tokens: Record<string, string> = {};
  for (const [name, project, role] of MEMBERS) {
    const added = await addMemberOrToken(world.database, {
      project,
      name,
      role,
      actor: 'test',
      at: await nowOf(world),
    });
    tokens[name] = added.token;
  }

  async function call(name: string, method: string, path: string, body?: unknown) {
    clock.now = await nowOf(world);
    // The server may skip years, after which the tokens would have expired.
    await world.sql`UPDATE lethe.tokens SET created_at = ${clock.now}, expires_at = ${new Date(clock.now.getTime() + DAY_MS)}`;
    const headers = { Authorization: `Bearer ${tokens[name]}`, 'Content-Type': 'application/json' };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await app.request(path, init, { incoming: { socket: { remoteAddress: '127.0.0.1' } } });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  }

  async function create(name: string, subjects: unknown, more: Record<string, unknown> = {}): Promise<string> {
    const project = name === 'dan' ? 'unverifiable' : 'demo';
    const request = { project, kind: 'deletion', regulation: 'gdpr', subjects, confirm: true, ...more };
    const { status, json } = await call(name, 'POST', '/v1/requests', request);
    expect([status, json.status]).toEqual([202, 'received']);
    return String(json.id);
  }

  return {
    clock,
    call,
    create,
    confirm: (name: string, id: string, expectedCount: number, more: Record<string, unknown> = {}) =>
      call(name, 'POST', `/v1/requests/${id}/confirm`, { expectedCount, ...more }),
    read: async (id: string, name = 'ann') => (await call(name, 'GET', `/v1/requests/${id}`)).json,
  };
}

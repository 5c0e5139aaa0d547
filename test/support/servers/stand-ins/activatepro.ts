import { randomUUID } from 'node:crypto';
import { DAY, MINUTE, systemClock } from './server/clock.ts';
import { membersOf, type PeopleOptions, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for version 2 of the User Management API of Spotler ActivatePro (formerly CrossEngage). Written from its
 * pages; Spotler publishes no OpenAPI, so requests are checked here by hand. Assumed: 1,000 users per call counts both
 * lists. An API deletion hides a user at once, and data in the background is deleted 14 days later.
 */

export const ACTIVATEPRO = { masterKey: 'ap-master-key' } as const;
const MAX_USERS = 1000;
const TRACKED_MS = DAY;

interface Tracking {
  readonly id: string;
  readonly createdAt: number;
  readonly total: number;
  readonly errors: number;
}

export interface ActivateProOptions extends PeopleOptions {
  /** How long the asynchronous work takes. */
  readonly processingMs?: number;
}

export interface ActivateProStandIn extends SystemStandIn {
  readonly trackings: readonly Tracking[];
  /** The people of which background data is left. */
  background(): readonly string[];
}

export async function startActivatePro(options: ActivateProOptions): Promise<ActivateProStandIn> {
  const { clock = systemClock, processingMs = MINUTE } = options;
  const people = new Map(options.people.map((person) => [person.id, person]));
  const background = new Map<string, number>();
  const trackings: Tracking[] = [];
  const pending: { readonly at: number; readonly ids: readonly string[] }[] = [];

  const settle = (): void => {
    const due = pending.filter(({ at }) => at <= clock.now());
    pending.splice(0, pending.length, ...pending.filter(({ at }) => at > clock.now()));
    for (const { at, ids } of due) for (const id of ids) if (people.delete(id)) background.set(id, at + 14 * DAY);
    for (const [id, until] of background) if (until <= clock.now()) background.delete(id);
  };
  const track = (ids: readonly string[], errors: readonly unknown[]): Reply => {
    const id = randomUUID();
    trackings.push({ id, createdAt: clock.now(), total: ids.length + errors.length, errors: errors.length });
    pending.push({ at: clock.now() + processingMs, ids });
    return { status: 202, json: errors.length === 0 ? { trackingId: id } : { trackingId: id, errors } };
  };

  const batch = (call: Incoming): Reply => {
    const { updated, deleted } = membersOf(call.json);
    const [updates, entries] = [listOf(updated), listOf(deleted)];
    if (updates === null || entries === null)
      return { status: 400, json: { errors: [errorOf('1', 'Invalid JSON', '')] } };
    const size = updates.length + entries.length;
    if (size > MAX_USERS)
      return { status: 400, json: { errors: [errorOf('9', 'Max batch request size violation', '/deleted')] } };
    const ids = entries.map((entry) => membersOf(entry)['id']);
    const valid = ids.filter((id) => typeof id === 'string' && id !== '').map(String);
    call.concerns(valid);
    const errors = ids.flatMap((id, index) =>
      typeof id === 'string' && id !== '' ? [] : [errorOf('2', 'Missing required field', `/deleted/${index}/id`)],
    );
    return track(valid, errors);
  };

  const remove = (call: Incoming): Reply => {
    const { id = '' } = call.params;
    call.concerns([id]);
    return track([id], []);
  };

  const read = (call: Incoming): Reply => {
    const person = people.get(call.params['id'] ?? '');
    call.concerns([call.params['id'] ?? '']);
    if (person === undefined) return { status: 404 };
    return { status: 200, json: { id: person.id, email: person.email, ...person.traits } };
  };

  const tracked = (call: Incoming): Reply => {
    const tracking = trackings.find(({ id }) => id === call.params['id']);
    if (tracking === undefined || clock.now() > tracking.createdAt + TRACKED_MS) return { status: 404 };
    const { total, errors: error, createdAt } = tracking;
    const isProcessed = clock.now() >= createdAt + processingMs;
    return {
      status: 200,
      json: isProcessed
        ? { stage: 'PROCESSED', total, success: total - error, error }
        : { stage: 'PENDING', total, success: 0, error: 0 },
    };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['POST', '/users/batch', batch],
          ['GET', '/users/track/:id', tracked],
          ['DELETE', '/users/:id', remove],
          ['GET', '/users/:id', read],
        ],
        ({ headers }) => {
          settle();
          const isSound = headers['x-xng-apiversion'] === '2';
          return isSound ? null : { status: 400, json: { errors: [errorOf('2', 'Invalid API version', '')] } };
        },
      ),
      isAuthorized: ({ headers }) => headers['x-xng-authtoken'] === ACTIVATEPRO.masterKey,
      unauthorized: { status: 401 },
    },
    options,
  );
  return {
    ...server,
    trackings,
    background: () => (settle(), [...background.keys()].toSorted()),
    present: () => (settle(), [...people.keys()].toSorted()),
    add: (person) => (settle(), void people.set(person.id, person)),
  };
}

const listOf = (value: unknown): readonly unknown[] | null =>
  value === undefined ? [] : Array.isArray(value) ? value : null;

const errorOf = (code: string, title: string, pointer: string) => ({
  code,
  title,
  details: title,
  info: `https://docs.example.com/errors#${code}`,
  source: { pointer },
});

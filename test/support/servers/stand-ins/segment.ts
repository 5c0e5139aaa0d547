import { randomUUID } from 'node:crypto';
import { DAY, HOUR, MINUTE, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { membersOf, textOf, textsOf, type PeopleOptions, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for the regulations of Segment's Public API. Written from its reference; no registry has its OpenAPI as a
 * package, so requests are checked here by hand. A regulation is FAILED though only one destination is not supported.
 */

export const SEGMENT = { token: 'sg-public-api-token' } as const;
const MAX_IDS = 5000;
const TYPES = ['SUPPRESS_WITH_DELETE', 'DELETE_ONLY', 'SUPPRESS_ONLY', 'UNSUPPRESS'] as const;
const MONTH = 30 * DAY;

interface Regulation {
  readonly id: string;
  readonly type: (typeof TYPES)[number];
  readonly ids: readonly string[];
  readonly createdAt: number;
  status: string;
}

export interface SegmentStandIn extends SystemStandIn {
  readonly regulations: readonly Regulation[];
  suppressed(): readonly string[];
  /** Ends a regulation with this status. */
  end(regulationId: string, status: string): void;
}

export interface SegmentOptions extends PeopleOptions {
  /** How long a regulation runs. */
  readonly runMs?: number;
  /** Users that may be deleted in a month. */
  readonly usersPerMonth?: number;
}

export async function startSegment(options: SegmentOptions): Promise<SegmentStandIn> {
  const { clock = systemClock, runMs = 20 * HOUR, usersPerMonth = 110_000 } = options;
  const people = new Map(options.people.map((person) => [person.id, person]));
  const regulations: Regulation[] = [];
  const suppressed = new Set<string>();
  const calls = limiter(clock, [{ calls: 600, perMs: MINUTE }]);
  const users = limiter(clock, [{ calls: usersPerMonth, perMs: MONTH }]);

  const finish = (regulation: Regulation, status: string): void => {
    regulation.status = status;
    const isDeletion = regulation.type === 'SUPPRESS_WITH_DELETE' || regulation.type === 'DELETE_ONLY';
    if (isDeletion && status !== 'INVALID') for (const id of regulation.ids) people.delete(id);
  };
  const settle = (): void => {
    for (const regulation of regulations) {
      const age = clock.now() - regulation.createdAt;
      if (regulation.status === 'INITIALIZED' && age > 0) regulation.status = 'RUNNING';
      if (regulation.status === 'RUNNING' && age >= runMs) finish(regulation, 'FINISHED');
    }
  };

  const create = (call: Incoming): Reply => {
    const { regulationType, subjectType, subjectIds } = membersOf(call.json);
    const type = TYPES.find((each) => each === regulationType);
    const ids = textsOf(subjectIds);
    if (type === undefined || subjectType !== 'USER_ID' || ids === null || ids.length === 0 || ids.length > MAX_IDS)
      return errorReply(400, 'invalid', textOf(regulationType));
    call.concerns(ids);
    if (type !== 'UNSUPPRESS' && type !== 'SUPPRESS_ONLY' && users.admit(ids.length) !== null)
      return errorReply(429, 'quota', 'the monthly number of users is used up');
    for (const id of ids) {
      if (type === 'UNSUPPRESS') suppressed.delete(id);
      else if (type !== 'DELETE_ONLY') suppressed.add(id);
    }
    const regulation = { id: randomUUID(), type, ids, createdAt: clock.now(), status: 'INITIALIZED' };
    regulations.push(regulation);
    return { status: 200, json: { data: { regulateId: regulation.id } } };
  };

  const read = (call: Incoming): Reply => {
    const regulation = regulations.find(({ id }) => id === call.params['id']);
    if (regulation === undefined) return errorReply(404, 'not-found', 'the regulation does not exist');
    const { id, status, createdAt } = regulation;
    const isEnded = status !== 'INITIALIZED' && status !== 'RUNNING';
    const finishedAt = isEnded ? { finishedAt: new Date(clock.now()).toISOString() } : {};
    return {
      status: 200,
      json: {
        data: {
          regulation: {
            id,
            workspaceId: 'workspace',
            overallStatus: status,
            createdAt: new Date(createdAt).toISOString(),
            ...finishedAt,
            streamStatus: [
              { id: 'source', destinationStatus: [{ name: 'warehouse', id: 'w', status, errString: '' }] },
            ],
          },
        },
      },
    };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['POST', '/regulations', create],
          ['GET', '/regulations/:id', read],
        ],
        () => {
          settle();
          return calls.admit() === null ? null : errorReply(429, 'rate-limit', 'too many requests');
        },
      ),
      isAuthorized: ({ headers }) => headers['authorization'] === `Bearer ${SEGMENT.token}`,
      unauthorized: errorReply(401, 'unauthenticated', 'the token is invalid'),
    },
    options,
  );
  return {
    ...server,
    regulations,
    suppressed: () => [...suppressed].toSorted(),
    end: (id, status) => {
      for (const regulation of regulations) if (regulation.id === id) finish(regulation, status);
    },
    present: () => (settle(), [...people.keys()].toSorted()),
    // Segment drops what it receives about a suppressed user.
    add: (person) => (settle(), void (suppressed.has(person.id) || people.set(person.id, person))),
  };
}

const errorReply = (status: number, type: string, message: string): Reply => ({
  status,
  json: { errors: [{ type, message }] },
});

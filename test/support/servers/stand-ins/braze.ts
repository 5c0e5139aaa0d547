import { MINUTE, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { membersOf, textsOf, type PeopleOptions, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for `users/delete` and `users/export/ids` of Braze. Written from Braze's pages; requests are checked here by
 * hand, because no registry has Braze's OpenAPI as a package. Deletions are queued, and an export shows a user until then.
 */

export const BRAZE = { apiKey: 'bz-rest-api-key' } as const;
const MAX_IDS = 50;

export interface BrazeOptions extends PeopleOptions {
  /** How long a deletion is queued. */
  readonly queuedMs?: number;
}

export async function startBraze(options: BrazeOptions): Promise<SystemStandIn> {
  const { clock = systemClock, queuedMs = 10 * MINUTE } = options;
  const people = new Map(options.people.map((person) => [person.id, person]));
  const queue: { readonly at: number; readonly ids: readonly string[] }[] = [];
  const deletions = limiter(clock, [{ calls: 20_000, perMs: MINUTE }]);
  const exports = limiter(clock, [{ calls: 250, perMs: MINUTE }]);

  const settle = (): void => {
    for (const { at, ids } of queue) if (at <= clock.now()) for (const id of ids) people.delete(id);
    queue.splice(0, queue.length, ...queue.filter(({ at }) => at > clock.now()));
  };

  const remove = (call: Incoming): Reply => {
    const ids = idsOf(call);
    if (ids === null) return badRequest();
    if (deletions.admit() !== null) return TOO_MANY;
    queue.push({ at: clock.now() + queuedMs, ids });
    return { status: 201, json: { deleted: ids.filter((id) => people.has(id)).length, message: 'success' } };
  };

  const exportUsers = (call: Incoming): Reply => {
    const ids = idsOf(call);
    if (ids === null) return badRequest();
    if (exports.admit() !== null) return TOO_MANY;
    const users = ids.flatMap((id) => people.get(id) ?? []);
    return {
      status: 201,
      json: {
        message: 'success',
        users: users.map(({ id, email, traits }) => ({ external_id: id, email, custom_attributes: { ...traits } })),
        invalid_user_ids: ids.filter((id) => !people.has(id)),
      },
    };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['POST', '/users/delete', remove],
          ['POST', '/users/export/ids', exportUsers],
        ],
        () => (settle(), null),
      ),
      isAuthorized: ({ headers }) => headers['authorization'] === `Bearer ${BRAZE.apiKey}`,
      unauthorized: { status: 401, json: { message: 'Invalid API key' } },
    },
    options,
  );
  return {
    ...server,
    present: () => (settle(), [...people.keys()].toSorted()),
    add: (person) => (settle(), void people.set(person.id, person)),
  };
}

function idsOf(call: Incoming): readonly string[] | null {
  const ids = textsOf(membersOf(call.json)['external_ids']);
  if (ids === null || ids.length === 0 || ids.length > MAX_IDS) return null;
  call.concerns(ids);
  return ids;
}

const badRequest = (): Reply => ({ status: 400, json: { message: 'external_ids is invalid' } });
const TOO_MANY: Reply = { status: 429, json: { message: 'Rate limit exceeded' } };

import { randomUUID } from 'node:crypto';
import { HOUR, MINUTE, SECOND, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { basic, type PeopleOptions, type Person, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for the two stages in which Zendesk deletes users. Written from Zendesk's reference; no registry has its
 * OpenAPI as a package, so requests are checked here by hand. A user with open tickets cannot be deleted. A user who is
 * permanently deleted stays in the list of deleted users under another name.
 */

export const ZENDESK = { user: 'admin@example.com/token', token: 'zd-api-token' } as const;
const MAX_IDS = 100;
const JOBS_KEPT_MS = HOUR;
const PERMANENT = 'Permanently Deleted User';

export interface ZendeskOptions extends PeopleOptions {
  /** How long a job of soft deletions runs. */
  readonly jobMs?: number;
  /** The ids of people with open tickets. */
  readonly openTickets?: readonly string[];
}

interface User {
  readonly id: number;
  person: Person | null;
  isDeleted: boolean;
}
interface Job {
  readonly id: string;
  readonly ids: readonly number[];
  readonly createdAt: number;
  failed: readonly number[] | null;
}

export interface ZendeskStandIn extends SystemStandIn {
  readonly openTickets: Set<string>;
  /** The ids of people that are soft-deleted and not permanently. */
  softDeleted(): readonly string[];
}

export async function startZendesk(options: ZendeskOptions): Promise<ZendeskStandIn> {
  const { clock = systemClock, jobMs = 20 * SECOND } = options;
  let next = 9001;
  const create = (person: Person): User => ({ id: next++, person, isDeleted: false });
  const users = options.people.map(create);
  const jobs: Job[] = [];
  const openTickets = new Set(options.openTickets);
  const calls = limiter(clock, [{ calls: 700, perMs: MINUTE }]);
  const permanent = limiter(clock, [{ calls: 700, perMs: 10 * MINUTE }]);

  const settle = (): void => {
    for (const job of jobs) {
      if (job.failed !== null || clock.now() < job.createdAt + jobMs) continue;
      const own = users.filter(({ id }) => job.ids.includes(id));
      const blocked = own.filter(({ person }) => openTickets.has(person?.id ?? ''));
      job.failed = blocked.map(({ id }) => id);
      for (const user of own) if (!blocked.includes(user)) user.isDeleted = true;
    }
  };

  const search = (call: Incoming): Reply => {
    const query = call.query.get('query') ?? '';
    const externalId = call.query.get('external_id');
    const [, email] = /^email:"?([^"]+)"?$/.exec(query) ?? [];
    const found = users.filter(
      ({ person, isDeleted }) =>
        !isDeleted &&
        person !== null &&
        (externalId === null ? person.email?.toLowerCase() === email?.toLowerCase() : person.id === externalId),
    );
    call.concerns(found.flatMap(({ person }) => person?.id ?? []));
    return { status: 200, json: { users: found.map(objectOf), next_page: null, count: found.length } };
  };

  const destroyMany = (call: Incoming): Reply => {
    const ids = (call.query.get('ids') ?? '')
      .split(',')
      .filter((id) => /^\d+$/.test(id))
      .map(Number);
    if (ids.length === 0 || ids.length > MAX_IDS) return { status: 400, json: { error: 'BadRequest' } };
    call.concerns(ids.map(String));
    const job: Job = { id: randomUUID().replaceAll('-', ''), ids, createdAt: clock.now(), failed: null };
    jobs.push(job);
    return { status: 200, json: { job_status: statusOf(job) } };
  };

  const jobStatus = (call: Incoming): Reply => {
    const job = jobs.slice(-100).find(({ id }) => id === call.params['id']);
    if (job === undefined || clock.now() > job.createdAt + JOBS_KEPT_MS) return NOT_FOUND;
    return { status: 200, json: { job_status: statusOf(job) } };
  };

  const read = (call: Incoming): Reply => {
    const user = users.find(({ id, isDeleted }) => !isDeleted && String(id) === call.params['id']);
    return user === undefined ? NOT_FOUND : { status: 200, json: { user: objectOf(user) } };
  };
  const deletedUser = (call: Incoming): User | undefined =>
    users.find(({ id, isDeleted }) => isDeleted && String(id) === call.params['id']);
  const readDeleted = (call: Incoming): Reply => {
    const user = deletedUser(call);
    return user === undefined ? NOT_FOUND : { status: 200, json: { deleted_user: objectOf(user) } };
  };
  const removeDeleted = (call: Incoming): Reply => {
    if (permanent.admit() !== null)
      return { status: 429, headers: { 'retry-after': '60' }, json: { error: 'APIRateLimitExceeded' } };
    const user = deletedUser(call);
    call.concerns([call.params['id'] ?? '']);
    if (user === undefined || user.person === null) return NOT_FOUND;
    user.person = null;
    return { status: 200, json: { deleted_user: objectOf(user) } };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['GET', '/api/v2/users/search', search],
          ['GET', '/api/v2/users/search.json', search],
          ['DELETE', '/api/v2/users/destroy_many', destroyMany],
          ['GET', '/api/v2/users/:id', read],
          ['GET', '/api/v2/job_statuses/:id', jobStatus],
          ['GET', '/api/v2/deleted_users/:id', readDeleted],
          ['DELETE', '/api/v2/deleted_users/:id', removeDeleted],
        ],
        () => {
          settle();
          return calls.admit() === null ? null : { status: 429, headers: { 'retry-after': '30' } };
        },
      ),
      isAuthorized: ({ headers }) => headers['authorization'] === basic(ZENDESK.user, ZENDESK.token),
      unauthorized: { status: 401, json: { error: "Couldn't authenticate you" } },
    },
    options,
  );
  return {
    ...server,
    openTickets,
    softDeleted: () => (settle(), users.flatMap(({ person, isDeleted }) => (isDeleted && person ? person.id : []))),
    present: () => (settle(), users.flatMap(({ person }) => person?.id ?? []).toSorted()),
    add: (person) => void users.push(create(person)),
  };
}

const objectOf = ({ id, person, isDeleted }: User) => ({
  id,
  name: person === null ? PERMANENT : person.id,
  email: person?.email ?? null,
  external_id: person?.id ?? null,
  active: !isDeleted,
  user_fields: { ...person?.traits },
});

const statusOf = ({ id, ids, failed }: Job) => ({
  id,
  url: `https://example.zendesk.com/api/v2/job_statuses/${id}.json`,
  total: ids.length,
  progress: failed === null ? 0 : ids.length,
  status: failed === null ? 'queued' : 'completed',
  message: failed === null ? null : 'Completed',
  results: failed === null ? null : ids.map((each) => ({ id: each, success: !failed.includes(each) })),
});

const NOT_FOUND: Reply = { status: 404, json: { error: 'RecordNotFound', description: 'Not found' } };

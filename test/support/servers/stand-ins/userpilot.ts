import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { nextDailyRun, SECOND, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { membersOf, textsOf, type PeopleOptions, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for Userpilot's deletion API and for its export jobs. Written from Userpilot's page "Delete Users and
 * Companies" and its export API; Userpilot publishes no OpenAPI, so requests are checked here by hand.
 * Not documented and assumed: the answer for companies, and that unknown ids count as scheduled.
 */

export const USERPILOT = { apiKey: 'up-api-key' } as const;
const VERSION = '2020-09-22';
const RUN_HOUR = 2;

export interface UserpilotOptions extends PeopleOptions {
  /** How long an export job runs. */
  readonly exportMs?: number;
  /** What was scheduled in an earlier process. `people` are those before. */
  readonly scheduled?: readonly Scheduled[];
  /** Called before the answer to a call that has scheduled a deletion, to store it. */
  readonly onSchedule?: (scheduled: readonly Scheduled[]) => void;
}

export interface Scheduled {
  /** By the clock of the server. */
  readonly at: number;
  readonly kind: 'users' | 'companies';
  readonly ids: readonly string[];
  isDone: boolean;
}

interface ExportJob {
  readonly id: string;
  readonly users: readonly string[];
  readonly companies: readonly string[];
  readonly createdAt: number;
}

export interface UserpilotStandIn extends SystemStandIn {
  /** The companies that the system still holds, in order. */
  companies(): readonly string[];
  readonly exportJobs: readonly ExportJob[];
  /** The deletions that wait for the next run, and those of earlier runs. */
  readonly scheduled: readonly Scheduled[];
}

export async function startUserpilot(options: UserpilotOptions): Promise<UserpilotStandIn> {
  const { clock = systemClock, exportMs = 60 * SECOND } = options;
  const people = new Map(options.people.map((person) => [person.id, person]));
  const companies = new Set(options.people.flatMap(({ company }) => company ?? []));
  const scheduled = (options.scheduled ?? []).map((deletion): Scheduled => ({ ...deletion, isDone: false }));
  const jobs: ExportJob[] = [];
  const limit = limiter(clock, [{ calls: 1, perMs: 2 * SECOND }]);

  const settle = (): void => {
    for (const deletion of scheduled) {
      if (deletion.isDone || deletion.at > clock.now()) continue;
      deletion.isDone = true;
      for (const id of deletion.ids) (deletion.kind === 'users' ? people : companies).delete(id);
    }
  };

  const schedule =
    (kind: 'users' | 'companies') =>
    (call: Incoming): Reply => {
      const wait = limit.admit();
      if (wait !== null) return { status: 429, body: 'Too Many Requests' };
      const ids = textsOf(membersOf(call.json)[kind]);
      // A proxy that drops the body of a DELETE must never delete everything.
      if (ids === null || ids.length === 0) return { status: 400, json: { error: `${kind} is required` } };
      call.concerns(ids);
      scheduled.push({ at: nextDailyRun(clock.now(), RUN_HOUR), kind, ids, isDone: false });
      options.onSchedule?.(scheduled);
      return { status: 202, json: { message: `${ids.length} ${kind} have been scheduled for deletion` } };
    };

  const startExport = (call: Incoming): Reply => {
    if (jobs.some(({ createdAt }) => clock.now() < createdAt + exportMs))
      return errorReply(409, 'another export job is running');
    const body = membersOf(call.json);
    const users = textsOf(body['user_id']) ?? [];
    call.concerns(users);
    const job = { id: randomUUID(), users, companies: textsOf(body['company_id']) ?? [], createdAt: clock.now() };
    jobs.push(job);
    return {
      status: 201,
      json: {
        job_id: job.id,
        start_time: new Date(job.createdAt).toISOString(),
        environment_app_token: 'NX-1',
        environment_name: 'Production',
        links: [],
      },
    };
  };

  const exportStatus = (call: Incoming): Reply => {
    const job = jobs.find(({ id }) => id === call.params['id']);
    if (job === undefined) return errorReply(404, 'the job does not exist');
    const isDone = clock.now() >= job.createdAt + exportMs;
    return {
      status: 200,
      json: {
        job_id: job.id,
        status: isDone ? 'completed' : 'in_progress',
        progress: isDone ? 100 : 50,
        start_time: new Date(job.createdAt).toISOString(),
        end_time: isDone ? new Date(job.createdAt + exportMs).toISOString() : null,
        type: 'export',
        presigned_urls: isDone ? [{ filename: 'part-0.ndjson.gz', url: `${server.url}/files/${job.id}` }] : [],
        all_chunks: 1,
        completed_chunks: isDone ? 1 : 0,
        current_chunk: 1,
      },
    };
  };

  const download = (call: Incoming): Reply => {
    const job = jobs.find(({ id }) => id === call.params['id']);
    const rows = [...people.values()]
      .map((person) => ({ ...person, company: companies.has(person.company ?? '') ? person.company : null }))
      .filter(({ id, company }) => job?.users.includes(id) === true || job?.companies.includes(company ?? '') === true)
      .map(({ id, company, email }) => ({
        user_id: id,
        company_id: company,
        event_type: 'track',
        metadata: { email },
      }));
    return { status: 200, body: gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')) };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['DELETE', '/v1/users', schedule('users')],
          ['DELETE', '/v1/companies', schedule('companies')],
          ['POST', '/api/v1/analytics/exports', startExport],
          ['GET', '/api/v1/analytics/exports/jobs/:id', exportStatus],
          ['GET', '/files/:id', download],
        ],
        () => (settle(), null),
      ),
      isAuthorized: ({ path, headers }) =>
        path.startsWith('/files/') ||
        (/^token up-api-key$/i.test(headers['authorization'] ?? '') && headers['x-api-version'] === VERSION),
      unauthorized: errorReply(401, 'the token is invalid'),
    },
    options,
  );
  return {
    ...server,
    exportJobs: jobs,
    scheduled,
    companies: () => (settle(), [...companies].toSorted()),
    present: () => (settle(), [...people.keys()].toSorted()),
    add: (person) => {
      settle();
      people.set(person.id, person);
      if (person.company !== undefined) companies.add(person.company);
    },
  };
}

const errorReply = (status: number, message: string): Reply => ({
  status,
  json: { errors: [{ error_code: String(status), error: 'error', message, details: null }] },
});

import { randomUUID } from 'node:crypto';
import { HOUR, SECOND, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import {
  basic,
  membersOf,
  textOf,
  textsOf,
  type PeopleOptions,
  type Person,
  type SystemStandIn,
} from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';
import { encryptedZip } from './server/zip.ts';

/*
 * Stands in for Mixpanel's GDPR API v3 (deletions and retrievals) and for `engage` of its query API.
 * Written from Mixpanel's OpenAPI and reference page, and from what callers have seen. Where these contradict each other:
 * answers to POST have an object with `task_id`, a deletion has exactly seven keys, a retrieval has `results` and `result`,
 * both forms of cancelling exist, paths end with a slash or not, JSON is read under any content type, an unknown task is
 * 200 with NOT_FOUND. No registry has Mixpanel's OpenAPI as a package, so requests are checked here by hand.
 * The contents of a retrieval's archive are not documented; the files here are assumed.
 */

export const MIXPANEL = {
  gdprToken: 'mp-gdpr-token',
  projectToken: 'mp-project-token',
  projectId: '1978118',
  serviceAccount: { user: 'mp-service-account', secret: 'mp-service-secret' },
  apiSecret: 'mp-api-secret',
} as const;

export interface MixpanelOptions extends PeopleOptions {
  /** Alias to the distinct ids that it maps to. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  /** How long after its creation a task stages, starts and ends. */
  readonly stages?: { readonly stagingMs: number; readonly startedMs: number; readonly doneMs: number };
  /** How many retrievals may be outstanding, as their scans are limited per project. */
  readonly retrievals?: number;
  /** The tasks of an earlier process, which continue by their age. `people` are those before these tasks. */
  readonly tasks?: readonly Task[];
  /** Called before the answer to a call that has changed `tasks`, to store them. */
  readonly onTask?: (tasks: readonly Task[]) => void;
}

export interface Task {
  readonly id: string;
  readonly kind: 'deletion' | 'retrieval';
  readonly ids: readonly string[];
  readonly compliance: 'GDPR' | 'CCPA';
  readonly createdAt: number;
  ended: 'SUCCESS' | 'FAILURE' | 'REVOKED' | null;
}

export interface MixpanelStandIn extends SystemStandIn {
  readonly tasks: readonly Task[];
  /** As the status of the task says it. Null for an unknown task. */
  stateOf(taskId: string): string | null;
  /** Ends a running task with FAILURE. */
  fail(taskId: string): void;
  /** Creates a deletion task as another client does. Returns its id. */
  deleteElsewhere(ids: readonly string[]): string;
}

const MAX_IDS = 2000;
const PAGE = 1000;

export async function startMixpanel(options: MixpanelOptions): Promise<MixpanelStandIn> {
  const { clock = systemClock, aliases = {}, retrievals = 50 } = options;
  const { stages = { stagingMs: HOUR, startedMs: 2 * HOUR, doneMs: 20 * HOUR } } = options;
  const people = new Map(options.people.map((person) => [person.id, person]));
  // A task that has succeeded succeeds again, which removes its people.
  const tasks = (options.tasks ?? []).map((task): Task => {
    return { ...task, ended: task.ended === 'SUCCESS' ? null : task.ended };
  });
  const gdprLimit = limiter(clock, [{ calls: 1, perMs: SECOND }]);
  const queryLimit = limiter(clock, [{ calls: 60, perMs: HOUR }]);

  const covers = (ids: readonly string[]): readonly string[] => ids.flatMap((id) => [id, ...(aliases[id] ?? [])]);
  const settle = (): void => {
    for (const task of tasks) {
      if (task.ended !== null || clock.now() < task.createdAt + stages.doneMs) continue;
      task.ended = 'SUCCESS';
      if (task.kind === 'deletion') for (const id of covers(task.ids)) people.delete(id);
    }
  };
  const statusOf = ({ ended, createdAt }: Task): string => {
    const age = clock.now() - createdAt;
    return ended ?? (age < stages.stagingMs ? 'PENDING' : age < stages.startedMs ? 'STAGING' : 'STARTED');
  };
  const create = (kind: Task['kind'], ids: readonly string[], compliance: Task['compliance']): Task => {
    const id = tasks.length % 2 === 0 ? String(1_583_792_934_719_392_965n + BigInt(tasks.length)) : randomUUID();
    const task: Task = { id, kind, ids, compliance, createdAt: clock.now(), ended: null };
    tasks.push(task);
    options.onTask?.(tasks);
    return task;
  };
  const find = (kind: Task['kind'], id: string | undefined): Task | undefined =>
    tasks.find((task) => task.kind === kind && task.id === id);

  const createTask =
    (kind: Task['kind']) =>
    (call: Incoming): Reply => {
      const body = membersOf(call.json);
      const ids = textsOf(body['distinct_ids']);
      const compliance = textOf(body['compliance_type'], 'GDPR').toUpperCase();
      if (ids === null || ids.length === 0 || ids.length > MAX_IDS) return badRequest('distinct_ids is invalid');
      if (compliance !== 'GDPR' && compliance !== 'CCPA') return badRequest('compliance_type is invalid');
      const byDefault = kind === 'retrieval' && compliance === 'CCPA' ? '' : 'Data';
      const disclosure = textOf(body['disclosure_type'], byDefault);
      if (!/^(data|categories|sources)$/i.test(disclosure)) return badRequest('disclosure_type is invalid');
      call.concerns(ids);
      const running = tasks.filter((task) => task.kind === kind && task.ended === null);
      if (kind === 'retrieval' && running.length >= retrievals) return TOO_MANY;
      const busy = kind === 'deletion' ? running.filter((task) => task.ids.some((id) => ids.includes(id))) : [];
      if (busy.length > 0) return conflict(ids, busy);
      return { status: 201, json: { status: 'ok', results: { task_id: create(kind, ids, compliance).id } } };
    };

  const deletionStatus = (call: Incoming): Reply => {
    const task = find('deletion', call.params['id']);
    call.concerns(task?.ids ?? []);
    return ok({
      tracking_id: task?.id ?? '',
      status: task === undefined ? 'NOT_FOUND' : statusOf(task),
      requesting_user: task === undefined ? '' : 'owner@example.com',
      compliance_type: task?.compliance ?? '',
      project_id: task === undefined ? 0 : Number(MIXPANEL.projectId),
      date_requested: task === undefined ? '' : new Date(task.createdAt).toISOString().slice(0, 19),
      distinct_ids: task?.ids ?? [],
    });
  };

  const retrievalStatus = (call: Incoming): Reply => {
    const task = find('retrieval', call.params['id']);
    const link = task?.ended === 'SUCCESS' ? `${server.url}/exports/${task.id}.zip` : '';
    const status = task === undefined ? 'NOT_FOUND' : statusOf(task);
    return ok({ status, results: link, result: link, distinct_ids: task?.ids ?? [] });
  };

  const download = (call: Incoming): Reply => {
    const task = find('retrieval', call.params['id']?.replace(/\.zip$/, ''));
    if (task?.ended !== 'SUCCESS') return { status: 404, body: 'not found' };
    return { status: 200, body: archiveOf(covers(task.ids).flatMap((id) => people.get(id) ?? [])) };
  };

  const cancel = (task: Task | undefined): Reply => {
    if (task === undefined || task.ended !== null || statusOf(task) === 'STARTED') return { status: 405 };
    task.ended = 'REVOKED';
    options.onTask?.(tasks);
    return { status: 204 };
  };

  const engage = (call: Incoming): Reply => {
    if (call.query.get('project_id') !== MIXPANEL.projectId) return badRequest('project_id is invalid');
    const ids = textsOf(JSON.parse(call.form.get('distinct_ids') ?? 'null'));
    if (ids === null) return badRequest('distinct_ids is invalid');
    call.concerns(ids);
    const page = Number(call.form.get('page') ?? 0);
    const found = ids.flatMap((id) => people.get(id) ?? []);
    return {
      status: 200,
      json: {
        page,
        page_size: PAGE,
        session_id: '1234567890-example',
        status: 'ok',
        total: found.length,
        results: found.slice(page * PAGE, (page + 1) * PAGE).map(profileOf),
      },
    };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['POST', '/api/app/data-deletions/v3.0', createTask('deletion')],
          ['GET', '/api/app/data-deletions/v3.0/:id', deletionStatus],
          ['DELETE', '/api/app/data-deletions/v3.0/:id', (call) => cancel(find('deletion', call.params['id']))],
          ['DELETE', '/api/app/data-deletions/v3.0', (call) => cancel(lastOf(tasks, membersOf(call.json)))],
          ['POST', '/api/app/data-retrievals/v3.0', createTask('retrieval')],
          ['GET', '/api/app/data-retrievals/v3.0/:id', retrievalStatus],
          ['POST', '/api/query/engage', engage],
          ['GET', '/exports/:id', download],
        ],
        ({ path }) => {
          settle();
          if (path.startsWith('/exports')) return null;
          return (path.startsWith('/api/query') ? queryLimit : gdprLimit).admit() === null ? null : TOO_MANY;
        },
      ),
      isAuthorized: ({ path, headers, query }) => {
        if (path.startsWith('/exports')) return true;
        if (!path.startsWith('/api/app'))
          return headers['authorization'] === basic(MIXPANEL.serviceAccount.user, MIXPANEL.serviceAccount.secret);
        return (
          headers['authorization'] === `Bearer ${MIXPANEL.gdprToken}` && query.get('token') === MIXPANEL.projectToken
        );
      },
      unauthorized: { status: 401, json: { status: 'error', error: 'Unauthorized, you need to log in' } },
    },
    options,
  );
  return {
    ...server,
    tasks,
    present: () => (settle(), [...people.keys()].toSorted()),
    add: (person) => (settle(), void people.set(person.id, person)),
    stateOf: (taskId) => {
      settle();
      const task = tasks.find(({ id }) => id === taskId);
      return task === undefined ? null : statusOf(task);
    },
    fail: (taskId) => {
      for (const task of tasks) if (task.id === taskId) task.ended = 'FAILURE';
    },
    deleteElsewhere: (ids) => create('deletion', ids, 'GDPR').id,
  };
}

const ok = (results: unknown): Reply => ({ status: 200, json: { status: 'ok', results } });
const badRequest = (error: string): Reply => ({ status: 400, json: { status: 'error', error } });
const TOO_MANY: Reply = { status: 429, body: 'Too Many Requests, this API is limited to 1 req/s' };

/** Nothing of the batch is enqueued. */
const conflict = (ids: readonly string[], busy: readonly Task[]): Reply => ({
  status: 409,
  json: {
    status: 'error',
    error: {
      conflicting_distinct_ids: ids.filter((id) => busy.some((task) => task.ids.includes(id))),
      conflicting_task_ids: busy.map(({ id }) => id),
      error: 'some distinct ids already have a running task',
    },
  },
});

function lastOf(tasks: readonly Task[], body: Readonly<Record<string, unknown>>): Task | undefined {
  const ids = textsOf(body['distinct_ids']) ?? [];
  return tasks.findLast(
    ({ kind, ids: own }) => kind === 'deletion' && ids.length > 0 && ids.every((id) => own.includes(id)),
  );
}

const profileOf = ({ id, email, traits = {} }: Person) => ({
  $distinct_id: id,
  $properties: { ...(email === undefined ? {} : { $email: email }), ...traits },
});

/** One file of events and one of profiles, with an object per line. */
function archiveOf(people: readonly Person[]): Buffer {
  const lines = (objects: readonly unknown[]): string => objects.map((each) => `${JSON.stringify(each)}\n`).join('');
  const events = people.map(({ id }) => ({ event: 'Signed up', properties: { distinct_id: id, time: 1_767_225_600 } }));
  return encryptedZip(
    { 'events.json': lines(events), 'people.json': lines(people.map(profileOf)) },
    MIXPANEL.apiSecret,
  );
}

import { DAY, HOUR, SECOND, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { basic, membersOf, textsOf, type PeopleOptions, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for version 1 of Amplitude's User Privacy API and for its user search. Written from Amplitude's pages; no
 * registry has its OpenAPI as a package, so requests are checked here by hand. There is no id of a job: all deletions of
 * one day are one job, which runs on `day`. A user who sends events afterward is a new user.
 */

export const AMPLITUDE = { apiKey: 'am-api-key', secretKey: 'am-secret-key' } as const;
const MAX_USERS = 100;
const WAIT = 10 * DAY;
const SUBMITTED_BEFORE = 3 * DAY;

interface Job {
  readonly day: string;
  readonly ids: Set<string>;
  readonly requestedOn: string;
}

export interface AmplitudeStandIn extends SystemStandIn {
  readonly jobs: readonly Job[];
}

export async function startAmplitude(options: PeopleOptions): Promise<AmplitudeStandIn> {
  const { clock = systemClock } = options;
  const people = new Map(options.people.map((person, index) => [person.id, { person, amplitudeId: 1000 + index }]));
  const jobs: Job[] = [];
  let next = 1000 + options.people.length;
  const limit = limiter(clock, [{ calls: 1, perMs: SECOND }]);
  const searches = limiter(clock, [{ calls: 360, perMs: HOUR }]);

  const isDone = ({ day }: Job): boolean => clock.now() >= Date.parse(day) + DAY;
  const settle = (): void => {
    for (const job of jobs)
      if (isDone(job)) {
        for (const id of job.ids) people.delete(id);
        job.ids.clear();
      }
  };
  const statusOf = (job: Job): string =>
    isDone(job) ? 'done' : clock.now() >= Date.parse(job.day) - SUBMITTED_BEFORE ? 'submitted' : 'staging';
  const entryOf = (job: Job, ids: readonly string[]) => ({
    day: job.day,
    status: statusOf(job),
    app: '12345',
    amplitude_ids: ids.map((id) => ({
      amplitude_id: people.get(id)?.amplitudeId ?? 0,
      requested_on_day: job.requestedOn,
      requester: 'lethe',
    })),
  });

  const create = (call: Incoming): Reply => {
    if (limit.admit() !== null) return { status: 429, json: { error: 'too many requests' } };
    const body = membersOf(call.json);
    const ids = textsOf(body['user_ids']);
    if (ids === null || ids.length === 0 || ids.length > MAX_USERS) return badRequest('user_ids is invalid');
    call.concerns(ids);
    const known = ids.filter((id) => people.has(id));
    const ignoresInvalid = body['ignore_invalid_id'] === true || body['ignore_invalid_id'] === 'True';
    if (known.length < ids.length && !ignoresInvalid) return badRequest('user_ids has an unknown id');
    if (known.length === 0) return { status: 200, json: [] };
    const day = dayOf(clock.now() + WAIT);
    const job = jobs.find((each) => each.day === day) ?? {
      day,
      ids: new Set<string>(),
      requestedOn: dayOf(clock.now()),
    };
    if (!jobs.includes(job)) jobs.push(job);
    for (const id of known) job.ids.add(id);
    return { status: 200, json: [entryOf(job, known)] };
  };

  const list = (call: Incoming): Reply => {
    const [start, end] = [call.query.get('start_day') ?? '', call.query.get('end_day') ?? ''];
    if (!/^\d{4}-\d\d-\d\d$/.test(start) || end < start) return badRequest('start_day and end_day are required');
    const found = jobs.filter(({ day }) => day >= start && day <= end);
    return { status: 200, json: found.map((job) => entryOf(job, [...job.ids])) };
  };

  const search = (call: Incoming): Reply => {
    if (searches.admit() !== null) return { status: 429, json: { error: 'too many requests' } };
    const user = call.query.get('user') ?? '';
    call.concerns([user]);
    const found = people.get(user);
    const matches = found === undefined ? [] : [{ user_id: user, amplitude_id: found.amplitudeId, platform: 'Web' }];
    return { status: 200, json: { matches, type: 'match_user_or_device_id' } };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['POST', '/api/2/deletions/users', create],
          ['GET', '/api/2/deletions/users', list],
          ['GET', '/api/2/usersearch', search],
        ],
        () => (settle(), null),
      ),
      isAuthorized: ({ headers }) => headers['authorization'] === basic(AMPLITUDE.apiKey, AMPLITUDE.secretKey),
      unauthorized: { status: 401, body: 'Invalid API key or secret' },
    },
    options,
  );
  return {
    ...server,
    jobs,
    present: () => (settle(), [...people.keys()].toSorted()),
    add: (person) => (settle(), void people.set(person.id, { person, amplitudeId: next++ })),
  };
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
const badRequest = (error: string): Reply => ({ status: 400, json: { error } });

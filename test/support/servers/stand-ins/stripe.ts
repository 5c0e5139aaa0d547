import { randomUUID } from 'node:crypto';
import { MINUTE, SECOND, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { basic, type PeopleOptions, type Person, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for customers and redaction jobs (public preview) of Stripe. Written from Stripe's reference; no registry has
 * its OpenAPI as a package, so requests are checked here by hand. Bodies are forms. A repeated Idempotency-Key gets the
 * first answer again, and another body under the same key is refused.
 */

export const STRIPE = { secretKey: 'sk_test_stand_in' } as const;

export interface StripeOptions extends PeopleOptions {
  /** How long a job validates, and how long it redacts. */
  readonly stageMs?: number;
}

interface Customer {
  readonly id: string;
  readonly person: Person;
  isRedacted: boolean;
}
interface Job {
  readonly id: string;
  readonly customers: readonly string[];
  status: 'validating' | 'ready' | 'failed' | 'redacting' | 'succeeded' | 'canceled';
  since: number;
}

export interface StripeStandIn extends SystemStandIn {
  readonly jobs: readonly Job[];
  /** Lets every job that validates now fail. */
  failValidation(): void;
}

export async function startStripe(options: StripeOptions): Promise<StripeStandIn> {
  const { clock = systemClock, stageMs = 5 * MINUTE } = options;
  let next = 1;
  const create = (person: Person): Customer => ({
    id: `cus_${String(next++).padStart(6, '0')}`,
    person,
    isRedacted: false,
  });
  const customers = options.people.map(create);
  const jobs: Job[] = [];
  const answers = new Map<string, { readonly body: string; readonly reply: Reply }>();
  const limit = limiter(clock, [{ calls: 100, perMs: SECOND }]);

  const settle = (): void => {
    for (const job of jobs) {
      const isDue = clock.now() >= job.since + stageMs;
      if (isDue && job.status === 'validating') Object.assign(job, { status: 'ready', since: clock.now() });
      else if (isDue && job.status === 'redacting') {
        Object.assign(job, { status: 'succeeded', since: clock.now() });
        for (const customer of customers) if (job.customers.includes(customer.id)) customer.isRedacted = true;
      }
    }
  };

  const list = (call: Incoming): Reply => {
    const email = call.query.get('email') ?? '';
    const limitOf = Number(call.query.get('limit') ?? 10);
    if (limitOf > 100) return badRequest('limit');
    const found = customers.filter(({ person, isRedacted }) => !isRedacted && (email === '' || person.email === email));
    const start = found.findIndex(({ id }) => id === call.query.get('starting_after')) + 1;
    call.concerns(found.map(({ person }) => person.id));
    return {
      status: 200,
      json: {
        object: 'list',
        url: '/v1/customers',
        has_more: start + limitOf < found.length,
        data: found.slice(start, start + limitOf).map(objectOf),
      },
    };
  };

  const read = (call: Incoming): Reply => {
    const customer = customers.find(({ id }) => id === call.params['id']);
    return customer === undefined ? missing(call) : { status: 200, json: objectOf(customer) };
  };

  const createJob = (call: Incoming): Reply => {
    const ids = [...call.form].flatMap(([name, value]) => (/^objects\[customers\]\[\d*\]$/.test(name) ? value : []));
    const behavior = call.form.get('validation_behavior');
    if (ids.length === 0 || (behavior !== 'fix' && behavior !== 'error')) return badRequest('objects');
    if (ids.some((id) => !customers.some((customer) => customer.id === id))) return badRequest('objects[customers]');
    call.concerns(ids);
    const job: Job = { id: `prrj_${randomUUID()}`, customers: ids, status: 'validating', since: clock.now() };
    jobs.push(job);
    return { status: 200, json: jobObject(job) };
  };
  const jobOf = (call: Incoming): Job | undefined => jobs.find(({ id }) => id === call.params['id']);
  const readJob = (call: Incoming): Reply => {
    const job = jobOf(call);
    return job === undefined ? missing(call) : { status: 200, json: jobObject(job) };
  };
  const run = (call: Incoming): Reply => {
    const job = jobOf(call);
    if (job === undefined) return missing(call);
    if (job.status !== 'ready') return badRequest('status');
    Object.assign(job, { status: 'redacting', since: clock.now() });
    return { status: 200, json: jobObject(job) };
  };

  /** Repeats the first answer of an idempotency key. */
  const once =
    (handle: (call: Incoming) => Reply) =>
    (call: Incoming): Reply => {
      const key = call.headers['idempotency-key'];
      if (key === undefined) return handle(call);
      const body = `${call.path} ${call.body.toString('utf8')}`;
      const known = answers.get(key);
      if (known !== undefined && known.body !== body)
        return { status: 400, json: { error: { type: 'idempotency_error', message: 'other parameters' } } };
      const reply = known?.reply ?? handle(call);
      answers.set(key, { body, reply });
      return reply;
    };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['GET', '/v1/customers', list],
          ['GET', '/v1/customers/:id', read],
          ['POST', '/v1/privacy/redaction_jobs', once(createJob)],
          ['GET', '/v1/privacy/redaction_jobs/:id', readJob],
          ['POST', '/v1/privacy/redaction_jobs/:id/run', once(run)],
        ],
        ({ method, headers, body }) => {
          settle();
          if (limit.admit() !== null) return { status: 429, json: { error: { type: 'invalid_request_error' } } };
          const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
          return method === 'GET' || isForm || body.length === 0 ? null : badRequest('body');
        },
      ),
      isAuthorized: ({ headers }) =>
        headers['authorization'] === basic(STRIPE.secretKey, '') ||
        headers['authorization'] === `Bearer ${STRIPE.secretKey}`,
      unauthorized: { status: 401, json: { error: { type: 'invalid_request_error', message: 'Invalid API Key' } } },
    },
    options,
  );
  return {
    ...server,
    jobs,
    failValidation: () => {
      for (const job of jobs) if (job.status === 'validating') job.status = 'failed';
    },
    present: () => {
      settle();
      return customers.flatMap(({ person, isRedacted }) => (isRedacted ? [] : person.id)).toSorted();
    },
    add: (person) => void customers.push(create(person)),
  };
}

const objectOf = ({ id, person, isRedacted }: Customer) =>
  isRedacted
    ? { id, object: 'customer', email: null, name: null, redaction: { status: 'redacted' } }
    : { id, object: 'customer', email: person.email ?? null, name: null, metadata: { ...person.traits } };

const jobObject = ({ id, status, customers }: Job) => ({
  id,
  object: 'privacy.redaction_job',
  status,
  objects: { customers },
});

const badRequest = (param: string): Reply => ({
  status: 400,
  json: { error: { type: 'invalid_request_error', param, message: `Invalid ${param}` } },
});
const missing = (call: Incoming): Reply => ({
  status: 404,
  json: { error: { type: 'invalid_request_error', code: 'resource_missing', message: `No such object ${call.path}` } },
});

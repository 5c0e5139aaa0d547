import { type Operations, type Problem, ROUTES, type Route } from './operations.ts';

export type * from './operations.ts';

export interface LetheClientOptions {
  /** Where the API is; a path in front of `/v1` is kept. */
  readonly url: string | URL;
  /** `lethe_…` */
  readonly token: string;
  readonly fetch?: typeof globalThis.fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

type Name = keyof Operations;
type Input<Of extends Name> = Operations[Of]['input'];
type Answer<Of extends Name> = Operations[Of]['answer'];
/** An operation that asks for nothing is called with nothing. */
type Given<Of extends Name> = Record<never, never> extends Input<Of> ? [input?: Input<Of>] : [input: Input<Of>];
type ListName = { [Of in Name]: Answer<Of> extends { nextCursor: string | null } ? Of : never }[Name];

/** A function for each operation of the document. A call is sent once: what to do about a failure is the caller's. */
export type LetheClient = {
  readonly [Of in Name]: (...given: [...Given<Of>, options?: CallOptions]) => Promise<Answer<Of>>;
} & {
  /** Every page of a list, from the first on. */
  pages<Of extends ListName>(list: Of, ...given: [...Given<Of>, options?: CallOptions]): AsyncGenerator<Answer<Of>>;
};

/** What Lethe refused, and why: `code` is one of a closed list (docs/problems.md), and never names a person. */
export class LetheProblem extends Error {
  override readonly name = 'LetheProblem';
  readonly code: Problem['code'];
  readonly status: number;
  /** What is wrong with what was sent, each by a JSON pointer. */
  readonly errors: NonNullable<Problem['errors']>;
  /** In how many seconds to ask again, where that is known. */
  readonly retryAfter: number | null;
  /** The whole of it, with the members that only some codes have. */
  readonly problem: Problem;

  constructor(problem: Problem, retryAfter: string | null) {
    super(`${problem.code}: ${problem.detail}`);
    this.code = problem.code;
    this.status = problem.status;
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter === null ? null : Number(retryAfter);
    this.problem = problem;
  }
}

export function letheClient({ url, token, fetch = globalThis.fetch }: LetheClientOptions): LetheClient {
  const base = new URL(url);
  if (!base.pathname.endsWith('/')) base.pathname += '/';

  async function call(route: Route, input: Sent = {}, { signal }: CallOptions = {}): Promise<unknown> {
    const { method, sends, accept } = route;
    const { body, ...given } = input;
    const { target, headers } = addressed(route, given);
    const answer = await fetch(new URL(target, base), {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        Accept: accept,
        ...(sends === undefined ? {} : { 'Content-Type': sends }),
        ...headers,
      },
      redirect: 'error',
      ...(body === undefined
        ? {}
        : { body: sends === JSON_TYPE ? JSON.stringify(body) : (body as NonNullable<RequestInit['body']>) }),
      // A stream is sent as it is read; the answer comes after it.
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    if (!answer.ok) throw await refusal(answer);
    if (answer.status === 204) return undefined;
    return accept === JSON_TYPE ? answer.json() : answer;
  }

  async function* pages(list: ListName, given: Sent = {}, options?: CallOptions): AsyncGenerator<unknown> {
    let cursor: string | null | undefined = null;
    do {
      const page = (await call(ROUTES[list], cursor === null ? given : { ...given, cursor }, options)) as Page;
      yield page;
      cursor = page.nextCursor;
    } while (cursor !== null);
  }

  const calls = Object.entries(ROUTES).map(([name, route]) => [
    name,
    (given?: Sent, options?: CallOptions) => call(route, given, options),
  ]);
  return { ...Object.fromEntries(calls), pages } as LetheClient;
}

interface Sent {
  readonly body?: unknown;
  readonly cursor?: string;
}

interface Page {
  readonly nextCursor: string | null;
}

const JSON_TYPE = 'application/json';

/** Members of the path and the headers go where the route says, all others are the query; a list is told by commas. */
function addressed({ path, headers: named = {} }: Route, given: object) {
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let target = path.slice(1);
  for (const [name, value] of Object.entries<string | number | boolean | readonly string[] | undefined>({ ...given })) {
    if (value === undefined) continue;
    const header = named[name];
    if (header !== undefined) headers[header] = String(value);
    else if (target.includes(`{${name}}`)) target = target.replace(`{${name}}`, encodeURIComponent(String(value)));
    else query.set(name, String(value));
  }
  return { target: query.size === 0 ? target : `${target}?${query.toString()}`, headers };
}

async function refusal(answer: Response): Promise<Error> {
  const type = answer.headers.get('Content-Type') ?? '';
  if (!type.startsWith('application/problem+json'))
    return new Error(`${answer.status}, and no problem of Lethe's: something in between answered`);
  return new LetheProblem((await answer.json()) as Problem, answer.headers.get('Retry-After'));
}

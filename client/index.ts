import { type Operations, type Problem, ROUTES, type Route } from './operations.ts';

export type * from './operations.ts';

export interface LetheClientOptions {
  /** The address of the API. A path before `/v1` is kept. */
  readonly url: string | URL;
  /** The member's token: `lethe_…`. */
  readonly token: string;
  readonly fetch?: typeof globalThis.fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

type Name = keyof Operations;
type Input<Of extends Name> = Operations[Of]['input'];
type Output<Of extends Name> = Operations[Of]['output'];
/** The input is optional where it has no required field. */
type InputArguments<Of extends Name> =
  Record<never, never> extends Input<Of> ? [input?: Input<Of>] : [input: Input<Of>];
type ListName = { [Of in Name]: Output<Of> extends { nextCursor: string | null } ? Of : never }[Name];

/** One function per operation of the API. A call is sent once: the client does not retry. */
export type LetheClient = {
  readonly [Of in Name]: (...input: [...InputArguments<Of>, options?: CallOptions]) => Promise<Output<Of>>;
} & {
  /** Iterates over all pages of a list, starting with the first. */
  pages<Of extends ListName>(
    list: Of,
    ...input: [...InputArguments<Of>, options?: CallOptions]
  ): AsyncGenerator<Output<Of>>;
};

/** An error response. docs/problems.md lists the values of `code`. No field contains personal data. */
export class LetheProblem extends Error {
  override readonly name = 'LetheProblem';
  readonly code: Problem['code'];
  readonly status: number;
  /** Validation errors, each with a JSON pointer to the field. Empty for other codes. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Seconds to wait before the next call. Null when the response has no `Retry-After`. */
  readonly retryAfter: number | null;
  /** The whole response body, with the fields that only some codes have. */
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

  async function call(route: Route, input: AnyInput = {}, { signal }: CallOptions = {}): Promise<unknown> {
    const { method, contentType, accept } = route;
    const { body, ...parameters } = input;
    const { target, headers } = placeParameters(route, parameters);
    const response = await fetch(new URL(target, base), {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        Accept: accept,
        ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
        ...headers,
      },
      redirect: 'error',
      ...(body === undefined
        ? {}
        : { body: contentType === JSON_TYPE ? JSON.stringify(body) : (body as NonNullable<RequestInit['body']>) }),
      // fetch requires half duplex for a streamed body.
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    if (!response.ok) throw await errorFrom(response);
    if (response.status === 204) return undefined;
    return accept === JSON_TYPE ? response.json() : response;
  }

  async function* pages(list: ListName, input: AnyInput = {}, options?: CallOptions): AsyncGenerator<unknown> {
    let cursor: string | null | undefined = null;
    do {
      const page = (await call(ROUTES[list], cursor === null ? input : { ...input, cursor }, options)) as Page;
      yield page;
      cursor = page.nextCursor;
    } while (cursor !== null);
  }

  const calls = Object.entries(ROUTES).map(([name, route]) => [
    name,
    (input?: AnyInput, options?: CallOptions) => call(route, input, options),
  ]);
  return { ...Object.fromEntries(calls), pages } as LetheClient;
}

interface AnyInput {
  readonly body?: unknown;
  readonly cursor?: string;
}

interface Page {
  readonly nextCursor: string | null;
}

const JSON_TYPE = 'application/json';

/** Puts each parameter into the path or a header where the route names it there, otherwise into the query. */
function placeParameters({ path, headers: headerNames = {} }: Route, parameters: object) {
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let target = path.slice(1);
  const entries = Object.entries<string | number | boolean | readonly string[] | undefined>({ ...parameters });
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    // A list is sent as its values separated by commas.
    const text = String(value);
    const header = headerNames[name];
    if (header !== undefined) headers[header] = text;
    else if (target.includes(`{${name}}`)) target = target.replace(`{${name}}`, encodeURIComponent(text));
    else query.set(name, text);
  }
  return { target: query.size === 0 ? target : `${target}?${query.toString()}`, headers };
}

async function errorFrom(response: Response): Promise<Error> {
  const type = response.headers.get('Content-Type') ?? '';
  if (!type.startsWith('application/problem+json'))
    return new Error(
      `HTTP ${response.status} without a problem document: a proxy may have responded instead of Lethe.`,
    );
  return new LetheProblem((await response.json()) as Problem, response.headers.get('Retry-After'));
}

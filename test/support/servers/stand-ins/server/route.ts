/** One call as a route sees it. */
export interface Incoming {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The decoded values of `:name` in the pattern of the route. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as JSON, for any content type. `undefined` when it cannot be parsed. */
  readonly json: unknown;
  /** The body as form. */
  readonly form: URLSearchParams;
  /** Records which ids of people the call concerns. */
  concerns(ids: readonly string[]): void;
}

export interface Reply {
  readonly status: number;
  readonly json?: unknown;
  /** Instead of `json`. */
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: string;
  /** A path such as `/v1/customers/:id`. */
  readonly path: string;
  readonly handle: (call: Incoming) => Reply | Promise<Reply>;
}

export type RouteEntry = readonly [method: string, path: string, handle: (call: Incoming) => Reply];

/** Routes that all run `before` first. An answer of `before`, such as 429, replaces that of the route. */
export const routesOf = (entries: readonly RouteEntry[], before: (call: Incoming) => Reply | null): readonly Route[] =>
  entries.map(([method, path, handle]) => ({ method, path, handle: (call) => before(call) ?? handle(call) }));

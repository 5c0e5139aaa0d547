import postgres from 'postgres';

/** The ledger. Columns arrive in camelCase, bigint as number, timestamptz as Date; JSON is left as it is. */
export type Database = postgres.Sql<{ bigint: number }>;
/** Inside a transaction. */
export type Transaction = postgres.TransactionSql<{ bigint: number }>;
/** A part of a statement, put into another one. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;
/** Either: for questions that may be asked inside a transaction or outside. */
export type Queries = Database | Transaction;

export interface ConnectOptions {
  readonly connections?: number;
  /** `kept`: for processes whose statements are small and many, such as the API's; planning is half of such a statement. */
  readonly plans?: 'fresh' | 'kept';
  /** Every statement sent, for tests that count them. */
  readonly observe?: (statement: string) => void;
}

export function connect(url: string, options: ConnectOptions = {}): Database {
  const { observe } = options;
  return postgres(url, {
    max: options.connections ?? 10,
    connect_timeout: 5,
    idle_timeout: 60,
    // The driver would wait up to 20 s before it tries a server again that was away.
    backoff: (attempt) => Math.min(2 ** attempt / 100, 1),
    // A plan made for one request's array would be kept for all: the planner is asked each time.
    connection: {
      application_name: 'lethe',
      TimeZone: 'UTC',
      // Its compilation outweighs whatever a statement of the ledger does.
      jit: 'off',
      plan_cache_mode: options.plans === 'kept' ? 'auto' : 'force_custom_plan',
    },
    transform: { column: { from: postgres.toCamel, to: postgres.fromCamel }, undefined: null },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    onnotice: () => undefined,
    ...(observe === undefined ? {} : { debug: (_connection: number, statement: string) => observe(statement) }),
  });
}

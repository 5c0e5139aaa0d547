import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';

/** The driver below drizzle, for COPY and for the start and end of connections. */
export type Client = postgres.Sql<{ bigint: number }>;
export type TransactionClient = postgres.TransactionSql<{ bigint: number }>;

/** Without drizzle's own transactions: those of db/transaction.ts survive a lost connection. */
type Statements = Omit<PostgresJsDatabase, 'transaction'>;

/**
 * The ledger. The builder returns the types of db/schema/. Rows of `execute` have the same form: columns in camelCase,
 * bigint as number, timestamptz as Date, JSON parsed.
 */
export type Database = Statements & { readonly $client: Client };
/** Inside a transaction. */
export type Transaction = Statements & { readonly $client: TransactionClient };
/** For statements that run inside a transaction or outside. */
export type Queries = Database | Transaction;

export interface ConnectOptions {
  readonly connections?: number;
  /** `kept`: for processes whose statements are small and many, such as the API's; planning is half of such a statement. */
  readonly plans?: 'fresh' | 'kept';
  /** Receives every statement sent, for tests that count them. */
  readonly observe?: (statement: string) => void;
}

export function connect(url: string, options: ConnectOptions = {}): Database {
  const { observe } = options;
  const client = postgres(url, {
    max: options.connections ?? 10,
    connect_timeout: 5,
    idle_timeout: 60,
    // The driver's own back-off waits up to 20 s before it tries a server again.
    backoff: (attempt) => Math.min(2 ** attempt / 100, 1),
    connection: {
      application_name: 'lethe',
      TimeZone: 'UTC',
      // JIT compilation costs more than these statements take.
      jit: 'off',
      // A generic plan would be made for one request's array and kept for all.
      plan_cache_mode: options.plans === 'kept' ? 'auto' : 'force_custom_plan',
    },
    transform: { column: { from: postgres.toCamel, to: postgres.fromCamel }, undefined: null },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    onnotice: () => undefined,
    ...(observe === undefined ? {} : { debug: (_connection: number, statement: string) => observe(statement) }),
  });
  return withBuilder(client, client.options);
}

const TIMESTAMPTZ = 1184;

/** Lays drizzle over a client, or over the connection of a transaction, with the options of the client. */
export function withBuilder<C extends Client | TransactionClient>(
  client: C,
  options: Client['options'],
): Statements & { readonly $client: C } {
  const { [TIMESTAMPTZ]: parse } = options.parsers;
  const { [TIMESTAMPTZ]: serialize } = options.serializers;
  // Drizzle sends statements unprepared: one more round trip and a new plan each time.
  const { unsafe } = client;
  client.unsafe = ((text, values, how) => unsafe(text, values, { ...how, prepare: true })) as C['unsafe'];
  const builder = drizzle({ client: Object.assign(client, { options }) as unknown as Client, paramsInErrors: false });
  // Drizzle turns the driver's dates into text; rows of `execute` keep them.
  if (parse !== undefined) options.parsers[TIMESTAMPTZ] = parse;
  if (serialize !== undefined) options.serializers[TIMESTAMPTZ] = serialize;
  return builder as unknown as Statements & { readonly $client: C };
}

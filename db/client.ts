import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import type { BusinessEvent } from '../domain/wording/events.ts';

/** The driver that drizzle uses. Needed for COPY, transactions and closing connections. */
export type Client = postgres.Sql<{ bigint: number }>;
export type TransactionClient = postgres.TransactionSql<{ bigint: number }>;

/** Excludes drizzle's own transactions, because only those of db/transaction.ts handle a lost connection. */
type Statements = Omit<PostgresJsDatabase, 'transaction'>;

/** Called with each business event after its transaction is committed. */
type EventListener = (event: BusinessEvent) => void;

/**
 * A connection pool to the ledger. The builder returns the types of db/schema/. Rows of `execute` have the same form:
 * columns in camelCase, bigint as number, timestamptz as Date, JSON parsed.
 */
export type Database = Statements & { readonly $client: Client; readonly onEvent?: EventListener };
/** The connection of a transaction. */
export type Transaction = Statements & { readonly $client: TransactionClient };
/** For statements that run inside or outside a transaction. */
export type Queries = Database | Transaction;

export interface ConnectOptions {
  readonly connections?: number;
  /**
   * `kept` reuses plans, for processes with many small statements such as the API, where planning takes half the time.
   */
  readonly plans?: 'fresh' | 'kept';
  /** How long a statement, and a wait for a lock, may take. Default: unlimited. */
  readonly timeouts?: Timeouts;
  /** Called with every statement that is sent, so that tests can count statements. */
  readonly observe?: (statement: string) => void;
  readonly onEvent?: EventListener;
  /** Called with every notice of the server, so that tests can read plans. */
  readonly onNotice?: (message: string) => void;
}

export interface Timeouts {
  readonly statementMs: number;
  readonly lockMs: number;
}
/** A caller is answered before the timeout of its proxy. The largest upload is stored in a few seconds. */
export const API_TIMEOUTS: Timeouts = { statementMs: 30_000, lockMs: 10_000 };
/** Shorter than an attempt of a ledger activity, which Temporal repeats (`ledger` in workflows/shared/proxies.ts). */
export const WORKER_TIMEOUTS: Timeouts = { statementMs: 240_000, lockMs: 60_000 };

export function connect(url: string, options: ConnectOptions = {}): Database {
  const { observe, timeouts, onNotice } = options;
  const client = postgres(url, {
    max: options.connections ?? 10,
    connect_timeout: 5,
    idle_timeout: 60,
    // The driver's default back-off waits up to 20 s before it reconnects.
    backoff: (attempt) => Math.min(2 ** attempt / 100, 1),
    connection: {
      application_name: 'lethe',
      TimeZone: 'UTC',
      // JIT compilation costs more than these statements take.
      jit: 'off',
      // A generic plan that suits the array of one request may be slow for others.
      plan_cache_mode: options.plans === 'kept' ? 'auto' : 'force_custom_plan',
      ...(timeouts === undefined ? {} : { statement_timeout: timeouts.statementMs, lock_timeout: timeouts.lockMs }),
    },
    transform: { column: { from: postgres.toCamel, to: postgres.fromCamel }, undefined: null },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    onnotice: ({ message }) => {
      if (message !== undefined) onNotice?.(message);
    },
    ...(observe === undefined ? {} : { debug: (_connection: number, statement: string) => observe(statement) }),
  });
  const { onEvent } = options;
  return Object.assign(withBuilder(client, client.options), onEvent === undefined ? {} : { onEvent });
}

const TIMESTAMPTZ = 1184;

/** Wraps a client, or the connection of a transaction, in drizzle, with the options of the client. */
export function withBuilder<C extends Client | TransactionClient>(
  client: C,
  options: Client['options'],
): Statements & { readonly $client: C } {
  const { [TIMESTAMPTZ]: parse } = options.parsers;
  const { [TIMESTAMPTZ]: serialize } = options.serializers;
  // Drizzle sends unprepared statements, each of which costs another round trip and a new plan.
  const { unsafe } = client;
  client.unsafe = ((text, values, queryOptions) =>
    unsafe(text, values, { ...queryOptions, prepare: true })) as C['unsafe'];
  const builder = drizzle({ client: Object.assign(client, { options }) as unknown as Client, paramsInErrors: false });
  // Drizzle makes the driver return dates as text. Restores the conversion, so that rows of `execute` contain a Date.
  if (parse !== undefined) options.parsers[TIMESTAMPTZ] = parse;
  if (serialize !== undefined) options.serializers[TIMESTAMPTZ] = serialize;
  return builder as unknown as Statements & { readonly $client: C };
}

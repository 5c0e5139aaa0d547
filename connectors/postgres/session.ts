import pg from 'pg';
import { type CopyToStreamQuery, to as copyTo } from 'pg-copy-streams';
import type { ConnectorContext } from '../connector.ts';
import { FOREIGN_KEY_VIOLATION, LOCK_CONFLICTS, codeOf, toConnectorError } from './failure.ts';
import { throwIfCancelled } from '../callbacks.ts';
import type { Tuning } from './tuning.ts';

export const HEARTBEAT_MS = 2_000;

/** The connection of one verb. `observe` receives every statement. Parameters are never identities. */
export class Session {
  readonly client: pg.Client;
  /** Whether the database stores Unicode. Other encodings have no combining characters, so they store NFC only. */
  readonly isUnicode: boolean;
  readonly #observe: (sql: string) => void;

  constructor(client: pg.Client, encoding: string, observe: (sql: string) => void) {
    this.client = client;
    this.isUnicode = encoding === 'UTF8';
    this.#observe = observe;
  }

  async rows<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    this.#observe(sql);
    return (await this.client.query<Row>(sql, [...values])).rows;
  }

  async run(sql: string, values: readonly unknown[] = []): Promise<number> {
    this.#observe(sql);
    return (await this.client.query(sql, [...values])).rowCount ?? 0;
  }

  /** Streams a COPY … TO STDOUT. The reader receives its errors; the listener ignores those after the reader stopped. */
  copy(sql: string): CopyToStreamQuery {
    this.#observe(sql);
    const rows = this.client.query(copyTo(sql));
    rows.on('error', () => {});
    return rows;
  }

  /** Closes the socket without waiting for the server. */
  disconnect(): void {
    this.client.connection.stream.destroy();
  }

  /** Commits after `use`, or rolls back and rethrows its error. */
  async transaction<Result>(use: () => Promise<Result>, commit = 'COMMIT'): Promise<Result> {
    await this.run('BEGIN');
    try {
      const result = await use();
      await this.run(commit);
      return result;
    } catch (error) {
      await this.run('ROLLBACK').catch(() => 0);
      throw error;
    }
  }
}

/** What the server reports about itself when a connection starts. */
interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

export interface Server {
  readonly url: string;
  readonly tuning: Tuning;
}

/** Opens a connection for one verb, sends heartbeats, converts driver errors and closes the connection. */
export async function withSession<Result>(
  server: Server,
  activity: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await openSession(server, activity);
  const heartbeats = setInterval(() => activity.heartbeat(), HEARTBEAT_MS);
  try {
    return await use(session);
  } catch (error) {
    throw toConnectorError(error);
  } finally {
    clearInterval(heartbeats);
    await session.client.end().catch(() => {});
  }
}

export async function openSession(server: Server, activity: Pick<ConnectorContext, 'signal'>): Promise<Session> {
  try {
    throwIfCancelled(activity.signal);
    const client = new pg.Client({
      connectionString: server.url,
      application_name: 'lethe',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      // A host that vanished is noticed within minutes. The default of Linux is two hours.
      keepAliveInitialDelayMillis: 10_000,
    });
    // After a connection is lost between two statements, the next statement throws.
    client.on('error', () => {});
    let encoding = '';
    client.connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      if (parameterName === 'server_encoding') encoding = parameterValue;
    });
    await client.connect();
    await client.query(settings(server.tuning));
    return new Session(client, encoding, server.tuning.observe);
  } catch (error) {
    throw toConnectorError(error);
  }
}

/**
 * row_security=off turns a policy that hides rows into an error. Sequential scans are off, because inspect() checks that
 * every lookup in a large table has an index; a small table without one has no other plan. The search path is pg_catalog
 * and the schema of citext, so nothing shadows a name.
 */
const settings = (tuning: Tuning): string => `
  SET row_security = off; SET timezone = 'UTC'; SET enable_seqscan = off; SET jit = off;
  SET standard_conforming_strings = on;
  SET lock_timeout = ${tuning.lockTimeoutMs}; SET statement_timeout = ${tuning.statementTimeoutMs};
  SET idle_in_transaction_session_timeout = 60000;
  SELECT set_config('search_path', concat_ws(', ', 'pg_catalog', (SELECT quote_ident(n.nspname)
    FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'citext')), false)`;

/** Runs a statement that returns one JSON value. An error that rows cause contains names of the schema, but no value. */
export async function runRedacted<Result>(
  session: Session,
  sql: string,
  values: readonly (string | number)[],
): Promise<Result | undefined> {
  const [row] = await session.rows<{ result: Result }>('SELECT lethe_system.run_redacted($1, $2) AS result', [
    sql,
    values,
  ]);
  return row?.result;
}

/** Commits a transaction after its deferred constraints are checked, so that their errors are redacted too. */
export const REDACTED_COMMIT = 'SELECT lethe_system.run_redacted(NULL, NULL); COMMIT';

/** Runs a DELETE or UPDATE and returns the number of its rows. */
export const executeAndCount = async (
  session: Session,
  sql: string,
  values: readonly (string | number)[],
): Promise<number> =>
  (await runRedacted<number>(
    session,
    `WITH changed AS (${sql} RETURNING 1) SELECT to_jsonb(count(*)) FROM changed`,
    values,
  )) ?? 0;

/** Conflicts that end when another transaction ends. */
export const isLockConflict = (error: unknown): boolean => LOCK_CONFLICTS.includes(codeOf(error));

/** These conflicts, or a reference from a row that another transaction may be about to delete. */
export const isConflict = (error: unknown): boolean => isLockConflict(error) || codeOf(error) === FOREIGN_KEY_VIOLATION;

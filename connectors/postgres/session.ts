import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type CopyToStreamQuery, to as copyTo } from 'pg-copy-streams';
import type { ConnectorContext } from '../connector.ts';
import { FOREIGN_KEY, IN_THE_WAY, codeOf, obey, translate } from './failure.ts';
import type { Tuning } from './tuning.ts';

export const HEARTBEAT_MS = 2_000;

/** One connection of one verb. What it runs is told to `observe`; what it binds is never an identity. */
export class Session {
  readonly client: pg.Client;
  readonly #observe: (sql: string) => void;

  constructor(client: pg.Client, observe: (sql: string) => void) {
    this.client = client;
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

  /** The rows of a COPY … TO STDOUT. Its errors go to whoever reads; once nobody does, the connection's end is none. */
  copy(sql: string): CopyToStreamQuery {
    this.#observe(sql);
    const rows = this.client.query(copyTo(sql));
    rows.on('error', () => {});
    return rows;
  }

  /** Ends at once, whatever the server is in the middle of: it is not asked to agree. */
  drop(): void {
    this.client.connection.stream.destroy();
  }

  /** Commits what `use` did, or leaves nothing of it; the error of `use` is the one that is told. */
  async transaction<Result>(use: () => Promise<Result>): Promise<Result> {
    await this.run('BEGIN');
    let result: Result;
    try {
      result = await use();
    } catch (error) {
      await this.run('ROLLBACK').catch(() => 0);
      throw error;
    }
    await this.run('COMMIT');
    return result;
  }
}

export interface Server {
  readonly url: string;
  readonly tuning: Tuning;
}

/** Opens a connection for one verb, keeps its activity alive, closes it, and lets no driver error out. */
export async function withSession<Result>(
  server: Server,
  work: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await openSession(server, work);
  const alive = setInterval(() => work.heartbeat(), HEARTBEAT_MS);
  try {
    return await use(session);
  } catch (error) {
    throw translate(error);
  } finally {
    clearInterval(alive);
    await session.client.end().catch(() => {});
  }
}

export async function openSession(server: Server, work: Pick<ConnectorContext, 'signal'>): Promise<Session> {
  try {
    obey(work.signal);
    const client = new pg.Client({
      connectionString: server.url,
      application_name: 'lethe',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    // A connection that is lost between two statements is told by the next one.
    client.on('error', () => {});
    await client.connect();
    await client.query(settings(server.tuning));
    return new Session(client, server.tuning.observe);
  } catch (error) {
    throw translate(error);
  }
}

/**
 * row_security=off makes a policy an error instead of silence. Sequential scans and JIT are never what a batch of
 * subjects needs: each column by which it is found has an index, which inspect() has checked. The search path finds
 * the operators of citext and nothing that a customer's schema could put in the way.
 */
const settings = (tuning: Tuning): string => `
  SET row_security = off; SET timezone = 'UTC'; SET enable_seqscan = off; SET jit = off;
  SET standard_conforming_strings = on;
  SET lock_timeout = ${tuning.lockTimeoutMs}; SET statement_timeout = ${tuning.statementTimeoutMs};
  SET idle_in_transaction_session_timeout = 60000;
  SELECT set_config('search_path', concat_ws(', ', 'pg_catalog', (SELECT quote_ident(n.nspname)
    FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'citext')), false)`;

/** Runs a statement that yields one JSON value. The error of a violated constraint carries none of its values. */
export async function runRedacted<Result>(
  session: Session,
  sql: string,
  values: readonly (string | number)[],
): Promise<Result | undefined> {
  const [row] = await session.rows<{ result: Result }>('SELECT lethe_system.quietly($1, $2) AS result', [sql, values]);
  return row?.result;
}

/** Runs a DELETE or UPDATE and returns the number of its rows. */
export const executeAndCount = async (
  session: Session,
  sql: string,
  values: readonly (string | number)[],
): Promise<number> =>
  (await runRedacted<number>(
    session,
    `WITH gone AS (${sql} RETURNING 1) SELECT to_jsonb(count(*)) FROM gone`,
    values,
  )) ?? 0;

/** Another transaction was in the way, or is about to delete the row that still references ours. */
export const isRetried = (error: unknown): boolean => [...IN_THE_WAY, FOREIGN_KEY].includes(codeOf(error));

/** A few attempts, further and further apart, at random so that two of a kind do not meet again. */
export async function retrying<Result>(
  tuning: Tuning,
  again: (error: unknown) => boolean,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= tuning.retries || !again(error)) throw error;
      await sleep(tuning.backoffMs * 2 ** failures * (0.5 + Math.random()));
    }
  }
}

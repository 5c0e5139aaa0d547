import { Readable } from 'node:stream';
import mysql, { type ConnectionOptions, type ResultSetHeader } from 'mysql2';
import type { Connection } from 'mysql2/promise';
import { throwIfCancelled } from '../callbacks.ts';
import type { ConnectorContext } from '../connector.ts';
import { toConnectorError } from './failure.ts';
import type { Tuning } from './tuning.ts';

export const HEARTBEAT_MS = 2_000;

/** How a system is reached. Holds secrets. */
export interface Server {
  readonly url: string;
  readonly database: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly tuning: Tuning;
}

export type Parameter = string | number | Buffer | null;

/** The connection of one verb. `observe` receives every statement. Identities are parameters of prepared statements. */
export class Session {
  readonly client: Connection;
  readonly #core: mysql.Connection;
  readonly #tuning: Tuning;

  constructor(core: mysql.Connection, tuning: Tuning) {
    this.#core = core;
    this.client = core.promise();
    this.#tuning = tuning;
  }

  async rows<Row extends object>(sql: string, values: readonly Parameter[] = []): Promise<Row[]> {
    this.#tuning.observe(sql);
    const [rows] = await (values.length === 0 ? this.client.query(sql) : this.client.execute(sql, [...values]));
    return rows as Row[];
  }

  /** Returns the number of rows that the statement changed. */
  async run(sql: string, values: readonly Parameter[] = []): Promise<number> {
    this.#tuning.observe(sql);
    const [result] = await (values.length === 0 ? this.client.query(sql) : this.client.execute(sql, [...values]));
    return (result as Partial<ResultSetHeader>).affectedRows ?? 0;
  }

  /** Fetches rows as they are read, each as a list of the texts that `typeCast` makes of its cells. */
  stream(sql: string, typeCast: ConnectionOptions['typeCast']): Readable {
    this.#tuning.observe(sql);
    const query = this.#core.query({ sql, rowsAsArray: true, ...(typeCast && { typeCast }) });
    return query.stream({ highWaterMark: 256 });
  }

  /** Runs a LOAD DATA LOCAL. The server receives only this text, also if it asks for a file. */
  async load(sql: string, text: string): Promise<void> {
    this.#tuning.observe(sql);
    await this.client.query({ sql, infileStreamFactory: () => Readable.from([Buffer.from(text)]) });
  }

  /** Closes the socket without waiting for the server. */
  disconnect(): void {
    this.#core.destroy();
  }

  /** Zero: no limit. */
  async limitStatements(ms: number): Promise<void> {
    await this.run(`SET SESSION max_statement_time = ${ms / 1_000}`);
  }

  /** Commits after `use`, or rolls back and rethrows its error. */
  async transaction<Result>(use: () => Promise<Result>): Promise<Result> {
    await this.run('START TRANSACTION');
    try {
      const result = await use();
      await this.run('COMMIT');
      return result;
    } catch (error) {
      await this.run('ROLLBACK').catch(() => 0);
      throw error;
    }
  }
}

type Activity = Pick<ConnectorContext, 'signal' | 'heartbeat'>;

/** Opens a connection for one verb, sends heartbeats, converts driver errors and closes the connection. */
export async function withSession<Result>(
  server: Server,
  activity: Activity,
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
    const core = mysql.createConnection(options(server));
    // After a connection is lost between two statements, the next statement throws.
    core.on('error', () => {});
    try {
      await core.promise().connect();
      const session = new Session(core, server.tuning);
      await configure(session, server.tuning);
      return session;
    } catch (error) {
      core.destroy();
      throw error;
    }
  } catch (error) {
    throw toConnectorError(error);
  }
}

function options({ url, database, tls }: Server): ConnectionOptions {
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  if (protocol !== 'mysql:' && protocol !== 'mariadb:') throw Object.assign(new Error(), { code: 'ERR_INVALID_URL' });
  const named = decodeURIComponent(pathname.slice(1));
  if (named !== '' && named !== database) throw Object.assign(new Error(), { code: 'ERR_OTHER_DATABASE' });
  const isEncrypted = tls !== undefined || ['true', '1', 'required'].includes(searchParams.get('ssl') ?? '');
  return {
    host: decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database,
    ...(searchParams.get('socket') === null ? {} : { socketPath: searchParams.get('socket') ?? '' }),
    ...(isEncrypted && { ssl: { rejectUnauthorized: true, ...tls } }),
    connectTimeout: 10_000,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    multipleStatements: false,
  };
}

/**
 * Strict, in UTC, without escapes in texts. READ COMMITTED locks only the rows that a statement changes. A tree of any
 * depth is followed, and a row can have any number of owners. The server ends a connection whose reader is too slow.
 */
async function configure(session: Session, tuning: Tuning): Promise<void> {
  await session.run(`SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION'`);
  await session.run(`SET SESSION time_zone = '+00:00'`);
  await session.run('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  await session.run(
    `SET SESSION innodb_lock_wait_timeout = ${Math.max(1, Math.ceil(tuning.lockTimeoutMs / 1_000))},
       SESSION lock_wait_timeout = 10, SESSION net_write_timeout = 600, SESSION foreign_key_checks = 1,
       SESSION group_concat_max_len = 1073741824,
       SESSION max_recursive_iterations = 4294967295`,
  );
  await session.limitStatements(tuning.statementTimeoutMs);
}

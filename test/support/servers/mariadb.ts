import { randomBytes } from 'node:crypto';
import { type Connection, type RowDataPacket, createConnection } from 'mysql2/promise';
import { afterAll, inject } from 'vitest';
import { z } from 'zod';

const Answer = z.union([z.object({ url: z.string() }), z.object({ missing: z.string() })]);

/** Returns the URL of the run's server. If it does not exist, throws in CI; otherwise warns and returns null. */
export async function mariadbUrl(): Promise<string | null> {
  const response = await fetch(inject('mariadbStarter'));
  const answer = Answer.parse(await response.json());
  if ('url' in answer) return answer.url;
  if (process.env['CI'] !== undefined) throw new Error(answer.missing);
  console.warn(`NOT TESTED: MariaDB. ${answer.missing}`);
  return null;
}

export interface MariadbDatabase {
  readonly name: string;
  readonly url: string;
  /** An administrator's connection. Runs several statements at once. */
  readonly sql: Connection;
  rows<Row = Record<string, unknown>>(sql: string, values?: readonly (string | number)[]): Promise<Row[]>;
}

/** Creates a database for one test file, which is dropped after the file. */
export async function createMariadb(server: string, options = ''): Promise<MariadbDatabase> {
  const name = `lethe_${process.pid}_${randomBytes(4).toString('hex')}`;
  const sql = await createConnection({
    uri: server,
    multipleStatements: true,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: 'Z',
  });
  await sql.query(`CREATE DATABASE ${name} ${options}; USE ${name}`);
  afterAll(async () => {
    await sql.query(`DROP DATABASE IF EXISTS ${name}`).catch(() => {});
    await sql.end().catch(() => {});
  });
  return {
    name,
    url: `${server}/${name}`,
    sql,
    rows: async <Row>(text: string, values: readonly (string | number)[] = []) => {
      const [rows] = await sql.query<RowDataPacket[]>(text, [...values]);
      return rows as Row[];
    },
  };
}

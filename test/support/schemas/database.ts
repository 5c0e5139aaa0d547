import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import type { Connector } from '../../../connectors/connector.ts';
import { type PostgresSettings, openPostgres, systemSql } from '../../../connectors/postgres/index.ts';
import { createDatabase } from '../servers/postgres.ts';
import { type Schema, createSchema } from './schema.ts';

/** A database with a schema and its data, and a role that has only the rights that `system-sql` grants. */
export interface SchemaDatabase {
  readonly sql: postgres.Sql;
  /** The URL of the role. */
  readonly url: string;
  readonly adminUrl: string;
  /** Runs the printed SQL for every system. */
  grant(systems: Readonly<Record<string, PostgresSettings>>): Promise<void>;
  connector(system: string, settings: PostgresSettings): Required<Connector>;
  close(): Promise<void>;
}

export async function schemaDatabase({ name }: Schema, seed = 1): Promise<SchemaDatabase> {
  const { url: adminUrl } = await createDatabase();
  const sql = postgres(adminUrl, { max: 2, onnotice: () => {} });
  await createSchema(sql, name, seed);
  const [role, password] = [`lethe_${randomBytes(6).toString('hex')}`, randomBytes(12).toString('hex')];
  await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  const url = Object.assign(new URL(adminUrl), { username: role, password }).href;
  return {
    sql,
    url,
    adminUrl,
    grant: async (systems) => {
      for (const [system, settings] of Object.entries(systems)) await sql.unsafe(systemSql(settings, { system, role }));
    },
    connector: (system, settings) =>
      openPostgres(settings, { system, secret: () => url }, { backoffMs: 1, statementTimeoutMs: 10_000 }),
    close: async () => {
      await sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await sql.end();
    },
  };
}

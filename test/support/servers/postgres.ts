import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, inject } from 'vitest';

export interface TestDatabase {
  name: string;
  url: string;
}

const prefix = (): string => inject('postgresPrefix');
const connect = (): postgres.Sql => postgres(inject('postgresUrl'), { max: 1, onnotice: () => {} });
const urlOf = (name: string): string => Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).href;

const created: string[] = [];

/** Creates a database for one test file, which is dropped after the file. `locale` are options of CREATE DATABASE. */
export async function createDatabase(template = 'template0', locale = ''): Promise<TestDatabase> {
  const name = `${prefix()}${process.pid}_${randomBytes(4).toString('hex')}`;
  const sql = connect();
  try {
    // Copying the template's files is faster than writing its pages to the WAL.
    await sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(template)} STRATEGY FILE_COPY ${sql.unsafe(locale)}`;
    created.push(name);
  } finally {
    await sql.end();
  }
  return { name, url: urlOf(name) };
}

afterAll(async () => {
  const sql = connect();
  for (const name of created.splice(0)) await sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`;
  await sql.end();
});

/** Returns the name of a template database. The first test file that needs it builds it while the others wait. */
export async function templateOf(name: string, build: (url: string) => Promise<void>): Promise<string> {
  const template = `${prefix()}template_${name}`;
  const sql = connect();
  try {
    await sql`SELECT pg_advisory_lock(hashtextextended(${template}, 0))`;
    const found = await sql`SELECT 1 FROM pg_database WHERE datname = ${template}`;
    if (found.length > 0) return template;
    // Built under another name, so that a failed build is not used as the template.
    const draft = `${template}_draft`;
    await sql`DROP DATABASE IF EXISTS ${sql(draft)} WITH (FORCE)`;
    await sql`CREATE DATABASE ${sql(draft)} TEMPLATE template0`;
    await build(urlOf(draft));
    await sql`ALTER DATABASE ${sql(draft)} RENAME TO ${sql(template)}`;
    return template;
  } finally {
    await sql.end();
  }
}

import postgres from 'postgres';
import type { ReadDeployment } from '../../config/deployment.ts';
import { qualifiedSystemName } from '../../domain/ids.ts';

const connect = (url: string): postgres.Sql => postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {} });
const withName = (url: string, name: string): string => Object.assign(new URL(url), { pathname: `/${name}` }).href;
const nameOf = (url: string): string => decodeURIComponent(new URL(url).pathname.slice(1)) || 'lethe';

const MISSING_RIGHT = '42501';

/** Creates Lethe's database and the application's, on the same server, where they do not exist. */
export async function makeDatabases(url: string, suffix = ''): Promise<{ lethe: string; demo: string }> {
  const name = `${nameOf(url)}${suffix}`;
  const urls = { lethe: withName(url, name), demo: withName(url, `${name}_demo`) };
  await createDatabaseIfMissing(urls.lethe);
  await createDatabaseIfMissing(urls.demo);
  return urls;
}

async function createDatabaseIfMissing(url: string): Promise<void> {
  if (await exists(url)) return;
  const sql = connect(withName(url, 'postgres'));
  try {
    await sql`CREATE DATABASE ${sql(nameOf(url))}`;
  } catch (error) {
    if (!(error instanceof postgres.PostgresError) || error.code !== MISSING_RIGHT) throw error;
    const [name, role] = [nameOf(url), decodeURIComponent(new URL(url).username)];
    throw new Error(
      `the role ${role} of DATABASE_URL may not create the database ${name}. Remove DATABASE_URL from .env and the environment, so that the demo starts its own PostgreSQL, or run as an administrator: CREATE DATABASE "${name}" OWNER "${role}"`,
      { cause: error },
    );
  } finally {
    await sql.end();
  }
}

async function exists(url: string): Promise<boolean> {
  const sql = connect(url);
  try {
    await sql`SELECT 1`;
    return true;
  } catch (error) {
    if (error instanceof postgres.PostgresError && error.code === '3D000') return false;
    throw error;
  } finally {
    await sql.end();
  }
}

/** Runs what `npm run system-sql` prints for an administrator. */
export async function prepareSystem(url: string, { definitions }: ReadDeployment): Promise<void> {
  const sql = connect(url);
  try {
    for (const [project, systems] of definitions) {
      for (const [system, definition] of systems)
        await sql.unsafe(definition.setupSql?.({ system: qualifiedSystemName(project, system) }) ?? '');
    }
  } finally {
    await sql.end();
  }
}

import postgres from 'postgres';
import { loadDeployment, readDeployment } from '../../../config/deployment.ts';
import type { Connector } from '../../../connectors/connector.ts';
import { prepareSystem } from '../../../dev/demo/databases.ts';
import { seedDemo } from '../../../dev/demo/data/generate.ts';
import { createDatabase } from '../servers/postgres.ts';

export interface Shipped {
  readonly url: string;
  readonly sql: postgres.Sql;
  readonly connector: Connector;
  close(): Promise<void>;
}

/** The deployment that ships, on the data that it ships with, so much of them: a database of its own. */
export async function shipped(scale: number): Promise<Shipped> {
  const { url } = await createDatabase();
  await seedDemo(url, { scale, seed: 1 });
  const deployment = readDeployment(await loadDeployment('lethe.config.ts'));
  await prepareSystem(url, deployment);
  const app = deployment.definitions.get('demo')?.get('app');
  if (app === undefined) throw new Error('the demo has a system app');
  const connector = app.open({ system: 'app', secret: () => url });
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  return { url, sql, connector, close: async () => void (await Promise.all([sql.end(), connector.close()])) };
}

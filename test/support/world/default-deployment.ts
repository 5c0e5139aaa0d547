import postgres from 'postgres';
import { loadDeployment, readDeployment } from '../../../config/deployment.ts';
import type { Connector } from '../../../connectors/connector.ts';
import { prepareSystem } from '../../../dev/demo/databases.ts';
import { seedDemo } from '../../../dev/demo/data/generate.ts';
import { createDatabase } from '../servers/postgres.ts';

export interface DefaultDeployment {
  readonly url: string;
  readonly sql: postgres.Sql;
  readonly connector: Connector;
  close(): Promise<void>;
}

/** Opens the connector of `lethe.config.ts` on a new database with demo data of the given scale. */
export async function defaultDeployment(scale: number): Promise<DefaultDeployment> {
  const { url } = await createDatabase();
  await seedDemo(url, { scale, seed: 1 });
  const deployment = readDeployment(await loadDeployment('lethe.config.ts'));
  await prepareSystem(url, deployment);
  const app = deployment.definitions.get('demo')?.get('app');
  if (app === undefined) throw new Error('the demo project has no system app');
  const connector = app.open({ system: 'app', secret: () => url });
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  return { url, sql, connector, close: async () => void (await Promise.all([sql.end(), connector.close()])) };
}

import { type Connector, ConnectorError, type ConfigError } from '../connectors/connector.ts';
import { projectEntry, type ReadDeployment } from './deployment.ts';
import { joinPath } from './checks.ts';

/** Reads the value of `env('NAME')`. */
export type SecretReader = (name: { readonly env: string }) => string;

/** Inspects every system of the named projects and returns all config errors, each with its path. Changes nothing. */
export async function inspectAll(
  deployment: ReadDeployment,
  projects: readonly string[],
  secret: SecretReader,
): Promise<ConfigError[]> {
  const errors: ConfigError[] = [];
  for (const project of projects) {
    for (const system of systemsOf(deployment, project)) {
      const path = `projects.${project}.systems.${system}`;
      const found = await withConnector(deployment, project, system, secret, inspect);
      errors.push(...found.map((error) => ({ path: joinPath(path, error.path), message: error.message })));
    }
  }
  return errors;
}

const systemsOf = ({ definitions }: ReadDeployment, project: string): readonly string[] => [
  ...projectEntry(definitions, project).keys(),
];

/** An unreachable system becomes one more entry of the list, so that the others are still inspected. */
async function inspect(connector: Connector): Promise<readonly ConfigError[]> {
  try {
    return await connector.inspect();
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return [{ path: 'url', message: `the system cannot be inspected: ${error.message}` }];
  }
}

/** Opens a system, runs `use` with its connector and closes it. */
export async function withConnector<Result>(
  { definitions }: ReadDeployment,
  project: string,
  system: string,
  secret: SecretReader,
  use: (connector: Connector) => Promise<Result>,
): Promise<Result> {
  const definition = definitions.get(project)?.get(system);
  if (definition === undefined) throw new Error(`projects.${project} has no system ${system}`);
  const connector = definition.open({ system, secret });
  try {
    return await use(connector);
  } finally {
    await connector.close();
  }
}

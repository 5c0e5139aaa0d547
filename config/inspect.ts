import { type Connector, ConnectorError, type ConfigError } from '../connectors/connector.ts';
import type { ReadDeployment } from './deployment.ts';
import { at } from './shape.ts';

/** How a connector asks for the value of `env('NAME')`. */
export type Secrets = (name: { readonly env: string }) => string;

/** Inspects every system of the named projects and returns all errors, each with its path. Changes nothing. */
export async function inspectAll(
  deployment: ReadDeployment,
  projects: readonly string[],
  secret: Secrets,
): Promise<ConfigError[]> {
  const errors: ConfigError[] = [];
  for (const project of projects) {
    for (const system of systemsOf(deployment, project)) {
      const path = `projects.${project}.systems.${system}`;
      const found = await withConnector(deployment, project, system, secret, inspected);
      errors.push(...found.map((error) => ({ path: at(path, error.path), message: error.message })));
    }
  }
  return errors;
}

function systemsOf({ definitions }: ReadDeployment, project: string): readonly string[] {
  const systems = definitions.get(project);
  if (systems === undefined)
    throw new Error(`there is no such project; there are ${[...definitions.keys()].join(', ')}`);
  return [...systems.keys()];
}

/** A system that cannot be reached is an error of the list too. */
async function inspected(connector: Connector): Promise<readonly ConfigError[]> {
  try {
    return await connector.inspect();
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return [{ path: 'url', message: `cannot be inspected: ${error.message}` }];
  }
}

/** Opens a system for one question and closes it again. */
export async function withConnector<Answer>(
  { definitions }: ReadDeployment,
  project: string,
  system: string,
  secret: Secrets,
  ask: (connector: Connector) => Promise<Answer>,
): Promise<Answer> {
  const definition = definitions.get(project)?.get(system);
  if (definition === undefined) throw new Error(`projects.${project} has no system ${system}`);
  const connector = definition.open({ system, secret });
  try {
    return await ask(connector);
  } finally {
    await connector.close();
  }
}

import { type Connector, ConnectorError, type ConfigError } from '../connectors/connector.ts';
import type { ReadDeployment } from './deployment.ts';
import { at } from './shape.ts';

/** How a connector asks for the value of `env('NAME')`. */
export type Secrets = (name: { readonly env: string }) => string;

/** Inspects every processor of the named projects and returns all errors, each with its path. Changes nothing. */
export async function inspectAll(
  deployment: ReadDeployment,
  projects: readonly string[],
  secret: Secrets,
): Promise<ConfigError[]> {
  const errors: ConfigError[] = [];
  for (const project of projects) {
    for (const processor of processorsOf(deployment, project)) {
      const path = `projects.${project}.processors.${processor}`;
      const found = await withConnector(deployment, project, processor, secret, inspected);
      errors.push(...found.map((error) => ({ path: at(path, error.path), message: error.message })));
    }
  }
  return errors;
}

function processorsOf({ definitions }: ReadDeployment, project: string): readonly string[] {
  const processors = definitions.get(project);
  if (processors === undefined)
    throw new Error(`there is no such project; there are ${[...definitions.keys()].join(', ')}`);
  return [...processors.keys()];
}

/** A processor that cannot be reached is an error of the list too. */
async function inspected(connector: Connector): Promise<readonly ConfigError[]> {
  try {
    return await connector.inspect();
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return [{ path: 'url', message: `cannot be inspected: ${error.message}` }];
  }
}

/** Opens a processor for one question and closes it again. */
export async function withConnector<Answer>(
  { definitions }: ReadDeployment,
  project: string,
  processor: string,
  secret: Secrets,
  ask: (connector: Connector) => Promise<Answer>,
): Promise<Answer> {
  const definition = definitions.get(project)?.get(processor);
  if (definition === undefined) throw new Error(`projects.${project} has no processor ${processor}`);
  const connector = definition.open({ processor, secret });
  try {
    return await ask(connector);
  } finally {
    await connector.close();
  }
}

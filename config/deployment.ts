import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConnectorDefinition, EnvName, ConfigError } from '../connectors/connector.ts';
import type { Catalog, Project } from '../domain/catalog.ts';
import { readProject } from './project.ts';
import type { Deployment } from './settings.ts';
import { mapOf, unknownKeys } from './shape.ts';

/** Types the file and changes nothing: checked is what `readDeployment` has read. */
export const defineDeployment = <const Settings extends Deployment>(deployment: Settings): Settings => deployment;

/** The name of an environment variable: only the worker and `npm run check` ever ask for its value. */
export const env = (name: string): EnvName => ({ env: name });

export class DeploymentError extends Error {
  readonly errors: readonly ConfigError[];
  constructor(errors: readonly ConfigError[]) {
    super(
      `the configuration has ${errors.length} mistake(s):\n${errors.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`,
    );
    this.name = 'DeploymentError';
    this.errors = errors;
  }
}

export interface ReadDeployment {
  readonly catalog: Catalog;
  /** By project, then by system: what the worker opens. */
  readonly definitions: ReadonlyMap<string, ReadonlyMap<string, ConnectorDefinition>>;
}

/** Checks everything that needs no connection. Throws one `DeploymentError` that lists every error with its path. */
export function readDeployment(deployment: Deployment): ReadDeployment {
  const errors: ConfigError[] = [];
  const catalog = new Map<string, Project>();
  const definitions = new Map<string, ReadonlyMap<string, ConnectorDefinition>>();
  unknownKeys(deployment, ['projects'], '', errors);
  const projects = mapOf(deployment.projects, 'projects', errors);
  for (const [name, settings] of projects) {
    const { project, systems } = readProject(name, settings, errors);
    if (project !== null) catalog.set(name, project);
    definitions.set(name, systems);
  }
  if (errors.length > 0) throw new DeploymentError(errors);
  return { catalog, definitions };
}

/** The default export of a configuration file, not yet checked. */
export async function loadDeployment(path: string): Promise<Deployment> {
  if (!existsSync(path)) throw new Error(`there is no ${path}: LETHE_CONFIG names the configuration file`);
  const loaded = (await import(pathToFileURL(resolve(path)).href)) as { default?: Deployment };
  if (loaded.default === undefined)
    throw new Error(`${path} has no default export: export default defineDeployment({ … })`);
  return loaded.default;
}

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConnectorDefinition, EnvName, ConfigError } from '../connectors/connector.ts';
import { closest, suggestion } from '../connectors/similar-names.ts';
import type { Catalog, Project } from '../domain/catalog.ts';
import { checkUnknownKeys, namedEntries } from './checks.ts';
import { registerOwnPackage } from './own-package.ts';
import { readProject } from './project.ts';
import type { Deployment } from './settings.ts';

/** Gives lethe.config.ts its types and returns the deployment unchanged. `readDeployment` checks it. */
export const defineDeployment = <const Settings extends Deployment>(deployment: Settings): Settings => deployment;

/** Names an environment variable. Only the worker and the commands that connect to a system read its value. */
export const env = (name: string): EnvName => ({ env: name });

export class DeploymentError extends Error {
  readonly errors: readonly ConfigError[];
  constructor(errors: readonly ConfigError[]) {
    super(`${countConfigErrors(errors)}:\n${errors.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`);
    this.name = 'DeploymentError';
    this.errors = errors;
  }
}

export const countConfigErrors = ({ length }: readonly ConfigError[]): string =>
  length === 1 ? '1 config error' : `${length} config errors`;

export interface ReadDeployment {
  readonly catalog: Catalog;
  /** By project, then by system. The worker opens these definitions. */
  readonly definitions: ReadonlyMap<string, ReadonlyMap<string, ConnectorDefinition>>;
}

/** Checks everything that needs no connection. Throws one `DeploymentError` that lists every error with its path. */
export function readDeployment(deployment: Deployment): ReadDeployment {
  const errors: ConfigError[] = [];
  const catalog = new Map<string, Project>();
  const definitions = new Map<string, ReadonlyMap<string, ConnectorDefinition>>();
  checkUnknownKeys(deployment, ['projects'], '', errors);
  const projects = namedEntries(deployment.projects, 'projects', errors);
  for (const [name, settings] of projects) {
    const { project, systems } = readProject(name, settings, errors);
    if (project !== null) catalog.set(name, project);
    definitions.set(name, systems);
  }
  if (errors.length > 0) throw new DeploymentError(errors);
  return { catalog, definitions };
}

/** Returns the default export of a configuration file, unchecked. */
export async function loadDeployment(path: string): Promise<Deployment> {
  if (!existsSync(path))
    throw new Error(`configuration file not found: ${path}. Set LETHE_CONFIG to the path of your lethe.config.ts.`);
  const loaded = await importFile(path);
  if (loaded.default === undefined)
    throw new Error(`${path} has no default export. Add: export default defineDeployment({ … })`);
  return loaded.default;
}

async function importFile(path: string): Promise<{ default?: Deployment }> {
  registerOwnPackage();
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as { default?: Deployment };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(`${placeOf(error) ?? path}: ${error.message}`, { cause: error });
  }
}

/** `path:line` of the first source file in a stack. Node's syntax errors have it only there. */
function placeOf({ stack }: Error): string | undefined {
  const [, file, line] = /(?:^|file:\/\/|\()(\/[^\n():]+\.[cm]?[jt]s):(\d+)/m.exec(stack ?? '') ?? [];
  return file === undefined ? undefined : `${file}:${line}`;
}

/** The entry of a project in a map by project name. Throws an error that lists the known names. */
export function projectEntry<Entry>(projects: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = projects.get(name);
  if (entry === undefined) {
    const known = [...projects.keys()];
    throw new Error(
      `the configuration has no project ${name}; it has: ${known.join(', ')}${suggestion(closest(name, known))}`,
    );
  }
  return entry;
}

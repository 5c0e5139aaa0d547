import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
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

/** A deployment without the projects that have config errors. */
export interface HealthyProjects extends ReadDeployment {
  readonly misconfigured: ReadonlyMap<string, readonly ConfigError[]>;
}

/** Checks everything that needs no connection. Throws one `DeploymentError` that lists every error with its path. */
export function readDeployment(deployment: Deployment): ReadDeployment {
  const { catalog, definitions, misconfigured, errors } = readProjects(deployment);
  const all = [...errors, ...[...misconfigured.values()].flat()];
  if (all.length > 0) throw new DeploymentError(all);
  return { catalog, definitions };
}

/**
 * Like `readDeployment`, but a project with config errors does not affect the others. Throws `DeploymentError` if no project
 * is left, or if an error does not belong to one project.
 */
export function readHealthyProjects(deployment: Deployment): HealthyProjects {
  const { catalog, definitions, misconfigured, errors } = readProjects(deployment);
  if (errors.length > 0 || catalog.size === 0)
    throw new DeploymentError([...errors, ...[...misconfigured.values()].flat()]);
  return { catalog, definitions, misconfigured };
}

function readProjects(deployment: Deployment): HealthyProjects & { readonly errors: readonly ConfigError[] } {
  const errors: ConfigError[] = [];
  const catalog = new Map<string, Project>();
  const definitions = new Map<string, ReadonlyMap<string, ConnectorDefinition>>();
  const misconfigured = new Map<string, readonly ConfigError[]>();
  checkUnknownKeys(deployment, ['projects'], '', errors);
  for (const [name, settings] of namedEntries(deployment.projects, 'projects', errors)) {
    const ofProject: ConfigError[] = [];
    const { project, systems } = readProject(name, settings, ofProject);
    if (project === null || ofProject.length > 0) misconfigured.set(name, ofProject);
    else {
      catalog.set(name, project);
      definitions.set(name, systems);
    }
  }
  return { catalog, definitions, misconfigured, errors };
}

/** Returns the default export of a configuration file, unchecked. */
export async function loadDeployment(path: string): Promise<Deployment> {
  if (!existsSync(path))
    throw new Error(`configuration file not found: ${path}. Set LETHE_CONFIG to the path of your lethe.config.ts.`);
  if (!statSync(path).isFile())
    throw new Error(`${path} is not a file. Set LETHE_CONFIG to the path of your lethe.config.ts.`);
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
    throw new Error(`${placeOf(error, path)}: ${error.message}`, { cause: error });
  }
}

/**
 * `path:line` of the first source file in a stack, which syntax errors have only there. An import that cannot be resolved
 * has only files of Lethe there; `path` is returned then.
 */
function placeOf({ stack }: Error, path: string): string {
  const [, file = '', line] = /(?:^|file:\/\/|\()(\/[^\n():]+\.[cm]?[jt]s):(\d+)/m.exec(stack ?? '') ?? [];
  return file === '' || dirname(file) === import.meta.dirname ? path : `${file}:${line}`;
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

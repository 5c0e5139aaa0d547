import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConnectorDefinition, EnvName, Mistake } from '../connectors/connector.ts';
import type { DurationText } from '../domain/calendar.ts';
import type { Catalog, Project } from '../domain/catalog.ts';
import { readProject } from './project.ts';
import { mapOf, unknownKeys } from './shape.ts';

/** What lethe.config.ts says: who may be deleted where, and by which rules. */
export interface Deployment {
  readonly projects: Readonly<Record<string, ProjectSettings>>;
}

export interface ProjectSettings {
  readonly policy: PolicySettings;
  /** The processor that knows which identities exist. */
  readonly directory: string;
  readonly processors: Readonly<Record<string, ConnectorDefinition>>;
}

export interface PolicySettings {
  /** From acceptance to the first run that may delete: hidden, but still to be had back. Default: 14 days. */
  readonly gracePeriod?: DurationText;
  /**
   * When hard deletion runs (UTC) and how many subjects it takes each time. Default: 02:00, 10 000.
   * `{}`: no window and no quota, each request as soon as it is due.
   */
  readonly hardDeletion?: { readonly dailyAt?: string; readonly quotaPerRun?: number };
  /** From the first empty verification to the last one: late events arrive meanwhile. Default: 24 hours. */
  readonly settle?: DurationText;
  /** Defaults: 2 000, 10 000, 50 000. */
  readonly subjectsPerRequest?: number;
  readonly subjectsPerUpload?: number;
  readonly subjectsPerSegment?: number;
  /** Calls of the API that one token may make in a minute: 600. */
  readonly callsPerMinute?: number;
  /** Per regulation, from acceptance to the day by which the law wants an answer. A request names one of them. */
  readonly deadline: Readonly<Record<string, DurationText>>;
  /** How long an archive that is ready can be had (7 days), and whether every deletion exports first (it does not). */
  readonly exports?: { readonly keptFor?: DurationText; readonly beforeDeletion?: boolean };
  /** How many subjects may join between acceptance and deletion, as a part of those first found. Default: 0.1. */
  readonly growth?: number;
}

/** Types the file and changes nothing: checked is what `readDeployment` has read. */
export const defineDeployment = <const Settings extends Deployment>(deployment: Settings): Settings => deployment;

/** The name of an environment variable: only the worker and `npm run check` ever ask for its value. */
export const env = (name: string): EnvName => ({ env: name });

export class DeploymentError extends Error {
  readonly mistakes: readonly Mistake[];
  constructor(mistakes: readonly Mistake[]) {
    super(
      `the configuration has ${mistakes.length} mistake(s):\n${mistakes.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`,
    );
    this.name = 'DeploymentError';
    this.mistakes = mistakes;
  }
}

export interface ReadDeployment {
  readonly catalog: Catalog;
  /** By project, then by processor: what the worker opens. */
  readonly definitions: ReadonlyMap<string, ReadonlyMap<string, ConnectorDefinition>>;
}

/** Checks everything that can be seen without connecting; throws one error that lists every mistake with its path. */
export function readDeployment(deployment: Deployment): ReadDeployment {
  const mistakes: Mistake[] = [];
  const catalog = new Map<string, Project>();
  const definitions = new Map<string, ReadonlyMap<string, ConnectorDefinition>>();
  unknownKeys(deployment, ['projects'], '', mistakes);
  const projects = mapOf(deployment.projects, 'projects', mistakes);
  for (const [name, settings] of projects) {
    const { project, processors } = readProject(name, settings, mistakes);
    if (project !== null) catalog.set(name, project);
    definitions.set(name, processors);
  }
  if (mistakes.length > 0) throw new DeploymentError(mistakes);
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

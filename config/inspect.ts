import { type Connector, ConnectorError, type ConfigError, type InspectOptions } from '../connectors/connector.ts';
import { qualifiedSystemName } from '../domain/ids.ts';
import { projectEntry, type ReadDeployment } from './deployment.ts';
import { joinPath } from './checks.ts';

/** Reads the value of `env('NAME')`. */
export type SecretReader = (name: { readonly env: string }) => string;

/** The result of one system. `errors` have complete paths. */
export interface SystemReport {
  /** `projects.demo.systems.app` */
  readonly path: string;
  /** False when the system could not be inspected. `errors` then has the reason only. */
  readonly isInspected: boolean;
  readonly errors: readonly ConfigError[];
}

/** Inspects every system of the named projects, or those with one name. Changes nothing. */
export async function inspectSystems(
  deployment: ReadDeployment,
  projects: readonly string[],
  secret: SecretReader,
  { system: only, ...options }: InspectOptions & { readonly system?: string } = {},
): Promise<readonly SystemReport[]> {
  const reports: SystemReport[] = [];
  for (const project of projects) {
    for (const system of systemsOf(deployment, project)) {
      if (system !== (only ?? system)) continue;
      const path = `projects.${project}.systems.${system}`;
      const inspected = await withConnector(deployment, project, system, secret, (connector) =>
        inspect(connector, options),
      );
      const errors = inspected.errors.map((error) => ({
        ...error,
        path: error.path === '' ? path : joinPath(path, error.path),
      }));
      reports.push({ ...inspected, path, errors });
    }
  }
  if (reports.length === 0) throw new Error(`no project has a system ${only ?? ''}; check the name after --system`);
  return reports;
}

/** The config errors of every system of the named projects, each with its path. */
export const inspectAll = async (
  deployment: ReadDeployment,
  projects: readonly string[],
  secret: SecretReader,
  options: InspectOptions = {},
): Promise<ConfigError[]> =>
  (await inspectSystems(deployment, projects, secret, options)).flatMap(({ errors }) => errors);

const systemsOf = ({ definitions }: ReadDeployment, project: string): readonly string[] => [
  ...projectEntry(definitions, project).keys(),
];

/** A system that cannot be inspected has one error, so that the others are still inspected. */
async function inspect(connector: Connector, options: InspectOptions): Promise<Omit<SystemReport, 'path'>> {
  try {
    return { isInspected: true, errors: await connector.inspect(options) };
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return { isInspected: false, errors: [{ path: '', message: error.message }] };
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
  const connector = definition.open({ system: qualifiedSystemName(project, system), secret });
  try {
    return await use(connector);
  } finally {
    await connector.close();
  }
}

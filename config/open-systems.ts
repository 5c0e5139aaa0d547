import {
  type ConfigError,
  type Connector,
  type ConnectorDefinition,
  ConnectorError,
  type OpenContext,
} from '../connectors/connector.ts';
import { guardConnector, refusingConnector } from '../connectors/guard.ts';
import { qualifiedSystemName } from '../domain/ids.ts';
import type { Tasks } from '../domain/tasks/task.ts';
import type { ReadDeployment } from './deployment.ts';
import type { SecretReader } from './inspect.ts';

interface Log {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The systems of a deployment by `project/system`. */
export interface OpenedSystems {
  readonly connectors: ReadonlyMap<string, Connector>;
  /** Systems that can be used, or that are only unreachable now. */
  readonly healthy: number;
}

/**
 * Opens and inspects every system. A system with config errors, or without its secrets, is logged and refuses every step, so
 * that only requests of its project raise attention.
 */
export async function openSystems(
  { definitions }: ReadDeployment,
  secret: SecretReader,
  log: Log,
  tasksOf?: (name: { readonly project: string; readonly system: string }) => Tasks,
): Promise<OpenedSystems> {
  const connectors = new Map<string, Connector>();
  let healthy = 0;
  for (const [project, systems] of definitions) {
    for (const [system, definition] of systems) {
      const name = qualifiedSystemName(project, system);
      const tasks = tasksOf?.({ project, system });
      const opened = open(definition, { system: name, secret, ...(tasks !== undefined && { tasks }) });
      const errors = 'reason' in opened ? [{ path: '', message: opened.reason }] : await inspect(opened.connector);
      for (const { path, message } of errors)
        log.error(
          { path: ['projects', project, 'systems', system, path].filter((part) => part !== '').join('.') },
          message,
        );
      if (errors.length === 0) healthy += 1;
      else
        log.error(
          { system: name, configErrors: errors.length },
          'the requests of this project need attention until the system is corrected; run `npm run check`',
        );
      if ('reason' in opened) connectors.set(name, refusingConnector(opened.reason));
      else connectors.set(name, errors.length === 0 ? opened.connector : guardConnector(opened.connector));
    }
  }
  return { connectors, healthy };
}

/** `reason`: why it cannot be opened, such as a variable that is not set. */
function open(
  definition: ConnectorDefinition,
  context: OpenContext,
): { readonly connector: Connector } | { readonly reason: string } {
  try {
    return { connector: definition.open(context) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : 'cannot be opened' };
  }
}

/** A system that refuses the inspection, for example its password, is a config error. Otherwise it is unreachable. */
async function inspect(connector: Connector): Promise<readonly ConfigError[]> {
  try {
    return await connector.inspect();
  } catch (error) {
    return error instanceof ConnectorError && !error.retryable ? [{ path: '', message: error.message }] : [];
  }
}

import type { ConfigError } from '../../connectors/connector.ts';
import type { SystemReport } from '../inspect.ts';

/** What `npm run check` found. */
export interface Report {
  /** The path of the configuration file, relative to the working directory where possible. */
  readonly file: string;
  readonly projects: readonly string[];
  readonly systems: readonly SystemReport[];
  /** Errors that were found without a connection. The systems are not inspected then. */
  readonly errors: readonly ConfigError[];
}

/** 0: no config errors. 1: config errors. 2: a system could not be inspected, so the list is incomplete. */
export function exitCodeOf({ systems, errors }: Report): 0 | 1 | 2 {
  if (systems.some(({ isInspected }) => !isInspected)) return 2;
  return errors.length > 0 || systems.some((system) => system.errors.length > 0) ? 1 : 0;
}

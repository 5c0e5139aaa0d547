import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { DigestKeys } from '../db/digests.ts';
import { readRequestRow } from '../db/request-row.ts';
import type { Catalog, Project } from '../domain/catalog.ts';
import { DomainError } from '../domain/errors.ts';
import type { Orchestrator } from './orchestrator.ts';

/** Everything that the API needs from outside; the clock is one. */
export interface ApiDeps {
  readonly database: Database;
  readonly keys: DigestKeys;
  readonly catalog: Catalog;
  readonly orchestrator: Orchestrator;
  readonly token: string;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly bodyLimitBytes?: number;
}

/** Whose token it was. There is one until members exist. */
export const OPERATOR = 'operator';

export interface AppEnv {
  Variables: { requestId: string };
}

export function projectOf(catalog: Catalog, name: string): Project {
  const project = catalog.get(name);
  if (project === undefined) throw new DomainError('project_not_found', 'there is no such project');
  return project;
}

/** For what needs the policy of a request's project. Throws `request_not_found`. */
export async function projectOfRequest(deps: ApiDeps, requestId: string): Promise<Project> {
  const { project } = await readRequestRow(deps.database, requestId);
  return projectOf(deps.catalog, project);
}

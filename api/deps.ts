import type { ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import type { Logger } from 'pino';
import type { ArchiveStorage } from '../archives/storage/storage.ts';
import type { Caller } from '../db/members/authenticate.ts';
import type { Database } from '../db/client.ts';
import type { RequestRow } from '../db/requests/row.ts';
import type { DigestKeys } from '../db/digests.ts';
import type { Catalog, Project } from '../domain/catalog.ts';
import { DomainError } from '../domain/errors.ts';
import type { Call } from './http/metrics.ts';
import type { Orchestrator } from './temporal/orchestrator.ts';

/** Everything that the API needs from outside, including the clock. */
export interface ApiDeps {
  readonly database: Database;
  readonly keys: DigestKeys;
  readonly catalog: Catalog;
  /** Projects of lethe.config.ts that are not in the catalog because of config errors. Default: none. */
  readonly misconfigured?: ReadonlySet<string>;
  readonly orchestrator: Orchestrator;
  readonly now: () => Date;
  readonly storage: ArchiveStorage;
  /** The base URL of the API as callers and download links reach it. */
  readonly publicUrl: URL;
  readonly logger: Logger;
  readonly bodyLimitBytes?: number;
  /** Whether schema, digest keys and storage were checked after the start. Until then, calls are answered with `storage_unavailable`. */
  readonly isStarted?: () => boolean;
  /** Called after each response. */
  readonly observe?: (call: Call) => void;
  /** Proxies trusted for `X-Forwarded-Proto`. Default: none. */
  readonly trustedProxies?: BlockList;
  /** Private networks that webhooks may call. */
  readonly webhookNetworks?: BlockList;
  /** How often a download renews its lease. */
  readonly renewTransfersMs?: number;
}

export interface AppEnv {
  /** The connection of the call, provided by @hono/node-server. */
  Bindings: {
    readonly incoming?: { readonly socket: { readonly remoteAddress?: string | undefined; destroy?(): unknown } };
    readonly outgoing?: Pick<ServerResponse, 'once' | 'destroyed' | 'writableFinished'>;
  };
  /** `request` is set below `/requests/{id}`: the row as read when the call was authorized. */
  Variables: { requestId: string; caller: Caller; request: RequestRow };
}

/**
 * Throws `project_not_found` for every project except the caller's own, whether it exists or not, and
 * `project_misconfigured` if the caller's own has config errors.
 */
export function requireOwnProject(
  { catalog, misconfigured }: ApiDeps,
  caller: Caller,
  name: string = caller.project,
): Project {
  const project = name === caller.project ? catalog.get(name) : undefined;
  if (project === undefined && name === caller.project && misconfigured?.has(name) === true)
    throw new DomainError(
      'project_misconfigured',
      'The configuration of the project has errors, which the log of the API lists. Nothing was changed; retry the call after an operator has corrected them.',
    );
  if (project === undefined)
    throw new DomainError(
      'project_not_found',
      'The token has no access to a project of this name. Nothing was changed; check `project`.',
    );
  return project;
}

/** The caller's own project, for the errors of a call that has not named another one. Null if it has. */
export const ownProjectUnlessOther = ({ catalog }: ApiDeps, caller: Caller, name: unknown): Project | null =>
  typeof name === 'string' && name !== caller.project ? null : (catalog.get(caller.project) ?? null);

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

/** Everything that the API needs from outside; the clock is one. */
export interface ApiDeps {
  readonly database: Database;
  readonly keys: DigestKeys;
  readonly catalog: Catalog;
  readonly orchestrator: Orchestrator;
  readonly now: () => Date;
  readonly storage: ArchiveStorage;
  /** Where callers and links reach the API from outside. */
  readonly publicUrl: URL;
  readonly logger: Logger;
  readonly bodyLimitBytes?: number;
  /** Told of every call once it is answered. */
  readonly observe?: (call: Call) => void;
  /** Whose word is taken for a call having come by https; none where it is not given. */
  readonly trustedProxies?: BlockList;
  /** Private networks that webhooks may lead to. */
  readonly webhookNetworks?: BlockList;
  /** How often a download gives a sign of life. */
  readonly renewTransfersMs?: number;
}

export interface AppEnv {
  /** The connection of the call, as @hono/node-server tells it. */
  Bindings: {
    readonly incoming?: { readonly socket: { readonly remoteAddress?: string | undefined; destroy?(): unknown } };
    readonly outgoing?: Pick<ServerResponse, 'once' | 'destroyed' | 'writableFinished'>;
  };
  /** `request`: below `/requests/{id}`, as it stood when the call was authorised. */
  Variables: { requestId: string; caller: Caller; request: RequestRow };
}

/** A project that a caller names: another than its own is as unknown as one that does not exist. */
export function ownProject({ catalog }: ApiDeps, caller: Caller, name: string = caller.project): Project {
  const project = name === caller.project ? catalog.get(name) : undefined;
  if (project === undefined) throw new DomainError('project_not_found', 'there is no such project');
  return project;
}

import type { Connector } from '../connectors/connector.ts';
import type { ArchiveStorage } from '../archives/storage/storage.ts';
import type { Database } from '../db/client.ts';
import type { DigestKeys } from '../db/digests.ts';
import type { Catalog, Project } from '../domain/catalog.ts';
import type { Mailer } from '../outbound/mail.ts';
import type { WebhookSender } from '../outbound/webhook.ts';

/** Starts and signals workflows: housekeeping needs it, and a test may observe it. */
export interface Starter {
  start(requestId: string): Promise<void>;
  startSuppression(suppressionId: string): Promise<void>;
  wake(requestIds: readonly string[]): Promise<void>;
  /** Starts or signals the workflow that delivers this channel's notifications (`mail`, or a webhook's id). */
  startNotifications(project: string, channel: string): Promise<void>;
}

/** What activities are made of. Timestamps come from the workflow, never from here, so that skipped time skips everything. */
export interface ActivityDeps {
  readonly database: Database;
  /** A pool of its own for what is read while a transaction is open: from the same one, each could wait for the other. */
  readonly reading: Database;
  readonly keys: DigestKeys;
  readonly catalog: Catalog;
  readonly connector: (project: string, system: string) => Connector;
  readonly starter: Starter;
  readonly storage: ArchiveStorage;
  readonly mailer: Mailer;
  readonly webhooks: WebhookSender;
  /** Where links to archives lead. */
  readonly publicUrl: URL;
}

export function projectOf({ catalog }: ActivityDeps, name: string): Project {
  const project = catalog.get(name);
  if (project === undefined) throw new Error('a project of the ledger is not configured');
  return project;
}

/** Whether `unknown` is all that the system can answer; from a system that can be read, it is a failure. */
export const hasNoVerification = (
  deps: ActivityDeps,
  at: { readonly project: string; readonly system: string },
): boolean =>
  projectOf(deps, at.project).systems.some((entry) => entry.name === at.system && entry.verification === 'none');

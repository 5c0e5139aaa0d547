import { ApplicationFailure } from '@temporalio/common';
import type { Connector } from '../connectors/connector.ts';
import type { ArchiveStorage } from '../archives/storage/storage.ts';
import type { Database } from '../db/client.ts';
import type { DigestKeys } from '../db/digests.ts';
import { type Catalog, type Project, type SystemEntry, systemsFor } from '../domain/catalog.ts';
import type { SubjectKind } from '../domain/vocabulary.ts';
import type { Mailer } from '../outbound/mail.ts';
import type { WebhookSender } from '../outbound/webhook.ts';

/** Starts and signals workflows. */
export interface Starter {
  start(requestId: string): Promise<void>;
  startSuppression(suppressionId: string): Promise<void>;
  signalRequests(requestIds: readonly string[]): Promise<void>;
  /** Starts or signals the workflow that delivers this channel's notifications (`mail`, or a webhook's id). */
  startNotifications(project: string, channel: string): Promise<void>;
  /** Starts the workflow that probes a system until it answers. */
  watchSystem(project: string, system: string): Promise<void>;
}

/** The log of the process. Fields contain ids, counts and closed codes. */
export interface ActivityLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The dependencies of activities. Contains no clock: timestamps come from the workflow, so that tests can skip time. */
export interface ActivityDeps {
  readonly database: Database;
  /** A second pool, for statements during an open transaction. With one pool, transactions could wait for each other's connection. */
  readonly reading: Database;
  readonly keys: DigestKeys;
  readonly catalog: Catalog;
  readonly connector: (project: string, system: string) => Connector;
  readonly starter: Starter;
  readonly storage: ArchiveStorage;
  readonly mailer: Mailer;
  readonly webhooks: WebhookSender;
  readonly log: ActivityLog;
  /** The base of download links. */
  readonly publicUrl: URL;
}

export function projectOf({ catalog }: ActivityDeps, name: string): Project {
  const project = catalog.get(name);
  if (project !== undefined) return project;
  // The request waits until the project is configured again, or its config errors are corrected.
  throw ApplicationFailure.create({
    message: 'the project is not configured',
    type: 'project_misconfigured',
    nextRetryDelay: '1 minute',
  });
}

/** What the configuration says about the systems of a request. */
export function configuredFor(
  deps: ActivityDeps,
  request: { readonly project: string; readonly subjectKind: SubjectKind },
) {
  const project = projectOf(deps, request.project);
  const systems = systemsFor(project, request.subjectKind);
  return {
    configured: systems.map(({ name }) => name),
    withoutSuppression: systems.filter(({ suppresses }) => !suppresses).map(({ name }) => name),
    directory: project.directory,
  };
}

/** What the configuration says about a system. Undefined if its project does not contain it any more. */
export const systemOf = (
  deps: ActivityDeps,
  { project, system }: { readonly project: string; readonly system: string },
): SystemEntry | undefined => projectOf(deps, project).systems.find(({ name }) => name === system);

/** Whether the system can say which subjects it holds. Otherwise it possibly holds every subject. */
export const canCount = (deps: ActivityDeps, key: { readonly project: string; readonly system: string }): boolean =>
  systemOf(deps, key)?.counts !== false;

/** How long the batches of a system settle: as long as the policy says, and longer if the system lags behind. */
export function settleMsOf(deps: ActivityDeps, key: { readonly project: string; readonly system: string }): number {
  return Math.max(projectOf(deps, key.project).policy.settleMs, systemOf(deps, key)?.settleMs ?? 0);
}

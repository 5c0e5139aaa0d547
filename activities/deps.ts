import { ApplicationFailure } from '@temporalio/common';
import type { Connector } from '../connectors/connector.ts';
import type { ArchiveStorage } from '../archives/storage/storage.ts';
import type { Database } from '../db/client.ts';
import type { DigestKeys } from '../db/digests.ts';
import { type Catalog, type Project, systemsFor } from '../domain/catalog.ts';
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
  const configured = systemsFor(project, request.subjectKind).map(({ name }) => name);
  return { configured, directory: project.directory };
}

/** Whether the system cannot verify at all. `unknown` from a system that can verify is a failure. */
export const hasNoVerification = (
  deps: ActivityDeps,
  key: { readonly project: string; readonly system: string },
): boolean =>
  projectOf(deps, key.project).systems.some((entry) => entry.name === key.system && entry.verification === 'none');

import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { DurationText } from '../domain/calendar.ts';

/** What lethe.config.ts says: who may be deleted where, and by which rules. */
export interface Deployment {
  readonly projects: Readonly<Record<string, ProjectSettings>>;
}

export interface ProjectSettings {
  readonly policy: PolicySettings;
  /** The system that knows which identities exist. */
  readonly directory: string;
  readonly systems: Readonly<Record<string, ConnectorDefinition>>;
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

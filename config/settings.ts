import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { DurationText } from '../domain/calendar.ts';

/** The default export of lethe.config.ts. See docs/data-map.md. */
export interface Deployment {
  readonly projects: Readonly<Record<string, ProjectSettings>>;
}

export interface ProjectSettings {
  readonly policy: PolicySettings;
  /** The name of the system that resolves identities. */
  readonly directory: string;
  readonly systems: Readonly<Record<string, ConnectorDefinition>>;
}

export interface PolicySettings {
  /** The least time between acceptance and hard deletion. Subjects are hidden and can be restored. Default: 14 days. */
  readonly gracePeriod?: DurationText;
  /**
   * The daily run (UTC) and the number of subjects that it may delete. Default: 02:00, 10 000.
   * `{}`: no run and no quota; each request is deleted as soon as it is due.
   */
  readonly hardDeletion?: { readonly dailyAt?: string; readonly quotaPerRun?: number };
  /** The time between the first empty verification and the last one, in which late events arrive. Default: 24 hours. */
  readonly settle?: DurationText;
  /** Largest number of identities in one request, uploaded export or legal hold. Default: 2 000. */
  readonly subjectsPerRequest?: number;
  /** Largest number of identities in one uploaded deletion. Default: 10 000. */
  readonly subjectsPerUpload?: number;
  /** Largest number of subjects in a segment. Default: 50 000. */
  readonly subjectsPerSegment?: number;
  /** API calls per token and minute. Default: 600. */
  readonly callsPerMinute?: number;
  /** The time limit of each regulation, counted from acceptance. A request names one of these regulations. */
  readonly deadline: Readonly<Record<string, DurationText>>;
  /** How long a ready archive can be downloaded (7 days), and whether every deletion exports first (false). */
  readonly exports?: { readonly keptFor?: DurationText; readonly beforeDeletion?: boolean };
  /** Subjects that may join between acceptance and deletion, as a fraction of those first found. Default: 0.1. */
  readonly growth?: number;
}

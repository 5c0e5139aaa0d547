// TEMPORARY: the contract until it is in connectors/connector.ts.
import type { BlockedSubject } from '../../domain/batch.ts';
import type { AnonymisedRows, RetainedRows } from '../../domain/batch.ts';
import type { IdentityTypes, SubjectIdentity } from '../../domain/identity.ts';
import type { Scope, SubjectKind, VerificationLevel } from '../../domain/vocabulary.ts';
import type {
  ConfigError,
  Count,
  ExportedTable,
  ExportOptions,
  InspectOptions,
  OpenContext,
  VisibilityChange,
} from '../connector.ts';
export { ConnectorError } from '../connector.ts';
export type {
  ConfigError,
  Count,
  ExportedTable,
  ExportOptions,
  OwnedRows,
  VisibilityChange,
  EnvName,
  OpenContext,
  InspectOptions,
} from '../connector.ts';

export interface RangeKey {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly part: number;
}
export interface Window {
  readonly calls: number;
  readonly perMs: number;
}
export interface TableFigures {
  readonly table: string;
  readonly removed: number | null;
  readonly requested?: number;
  readonly retained: readonly RetainedRows[];
  readonly blanked?: number;
  readonly detached?: number;
  readonly anonymised?: AnonymisedRows;
}
export interface FinishedRange extends RangeKey {
  readonly tables: readonly TableFigures[];
  readonly retained: readonly (RetainedRows & { readonly seq: number })[];
}
export interface Batch {
  readonly requestId: string;
  readonly kind: SubjectKind;
  readonly batch: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly size: number;
  readonly except?: readonly number[];
  identities(): AsyncIterable<readonly SubjectIdentity[]>;
  foreignIds(): AsyncIterable<readonly { readonly seq: number; readonly id: string }[]>;
}
export interface ConnectorContext {
  readonly signal: AbortSignal;
  heartbeat(): void;
  waitForSlot(lane?: string): Promise<void>;
  postponeLane(lane: string | undefined, until: Date): Promise<void>;
  keepForeignIds(found: readonly { readonly seq: number; readonly ids: readonly string[] }[]): Promise<void>;
}
export interface HardDeletion {
  readonly scope: Scope;
  readonly pass: number;
  readonly suppress: boolean;
  readonly at: Date;
  isFinished(range: RangeKey): boolean;
  readonly tickets: readonly { readonly range: RangeKey; readonly ticket: string; readonly keptAt: Date }[];
  keepTicket(range: RangeKey, ticket: string): Promise<void>;
  idempotencyKey(range: RangeKey, call: string): string;
  onRangeFinished(range: FinishedRange): Promise<void>;
}
export type Deletion =
  | { readonly done: true; readonly blocked?: readonly BlockedSubject[]; readonly attestedAt?: Date }
  | { readonly continueAt: Date };
export type Verification =
  | {
      readonly survivors: number;
      readonly tables: Readonly<Record<string, number>>;
      readonly attestedAt?: Date;
      readonly attested?: readonly string[];
    }
  | { readonly attestedAt: Date }
  | { readonly verifyAgainAt: Date }
  | { readonly unknown: string };
export interface Connector {
  inspect(options?: InspectOptions): Promise<readonly ConfigError[]>;
  count?(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Count>;
  export?(batch: Batch, options: ExportOptions, context: ConnectorContext): AsyncIterable<ExportedTable>;
  setVisibility?(batch: Batch, change: VisibilityChange, context: ConnectorContext): Promise<void>;
  hardDelete(batch: Batch, deletion: HardDeletion, context: ConnectorContext): Promise<Deletion>;
  verify?(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Verification>;
  setSuppression?(batch: Batch, suppressed: boolean, context: ConnectorContext): Promise<void>;
  close(): Promise<void>;
}
export interface Description {
  readonly kinds: readonly SubjectKind[];
  readonly identityTypes: Readonly<Partial<Record<SubjectKind, IdentityTypes>>>;
  readonly actions: {
    readonly resolve: boolean;
    readonly hide: boolean;
    readonly restore: boolean;
    readonly segments: boolean;
    readonly export: boolean;
    readonly count: boolean;
    readonly suppress: boolean;
    readonly scopes: readonly Scope[];
  };
  readonly limits: { readonly batchSize: number; readonly lanes?: Readonly<Record<string, readonly Window[]>> };
  readonly verification: VerificationLevel;
  readonly settleMs?: number;
  readonly completesWithinMs: number;
  readonly dataMapHash: string;
}
export interface ConnectorDefinition {
  describe(): Description;
  validate(): readonly ConfigError[];
  open(context: OpenContext): Connector;
}

import type { DurationText } from '../../domain/calendar.ts';
import type { Comparison } from '../../domain/identity.ts';
import type { Scope, SubjectKind } from '../../domain/vocabulary.ts';
import type { EnvName } from '../connector.ts';
import type { Answer, Api } from './calls/types.ts';
import type { Auth } from './auth/auth.ts';
import type { Asked, Found, FoundIds, Later, Left } from './results.ts';

/** At most so many calls in any period of this length. `every` is a spacing. A month has 31 days. */
export type PaceWindow =
  | { readonly every: DurationText }
  | { readonly perMinute: number }
  | { readonly per10Minutes: number }
  | { readonly perHour: number }
  | { readonly perDay: number }
  | { readonly perMonth: number };

/** How the values of an identity type compare (default: exact), and of how many parts they consist (default: 1). */
export interface IdentitySettings {
  readonly match?: Comparison;
  readonly parts?: number;
}

export interface KindSettings {
  /** The identity types that the system knows. */
  readonly identities: Readonly<Record<string, IdentitySettings>>;
  /** People per range. A range is the unit of the log and of a retry. */
  readonly batchSize: number;
  /** The most people that the system takes in one call. */
  readonly maxBatchSize?: number;
  /** `once` (default): the functions receive all people of a range. `each`: they are called for one person after the other. */
  readonly at?: 'once' | 'each';
  /** The name of what is deleted, in receipts and counts. Default: `records`. */
  readonly table?: string;
}
export type HttpKinds = Readonly<Partial<Record<SubjectKind, KindSettings>>>;

/** The identity types of all kinds. */
type TypesOf<Kinds extends HttpKinds> = {
  [Kind in keyof Kinds]: Kinds[Kind] extends KindSettings ? keyof Kinds[Kind]['identities'] & string : never;
}[keyof Kinds];

/** One subject. Every declared identity type is a key, with an empty list where the subject has no such identity. */
export interface Person<Type extends string = string> {
  readonly seq: number;
  /** The first part of each value. */
  readonly ids: Readonly<Record<Type, readonly string[]>>;
  /** All parts of each value. */
  readonly values: Readonly<Record<Type, readonly (readonly string[])[]>>;
}

export interface About {
  readonly kind: SubjectKind;
  readonly scope: Scope;
  readonly signal: AbortSignal;
}
export interface AboutDeletion extends About {
  readonly pass: number;
  readonly at: Date;
  /** Tickets that `keep` stored for this range before a crash in the middle of `erase`. */
  readonly tickets: readonly string[];
  /** Stores a ticket before the next call. `later` stores those that it receives. */
  keep(ticket: string): Promise<void>;
}
export interface AboutExport extends About {
  /** Tickets that earlier attempts kept, such as the id of a job that collects the rows. */
  readonly tickets: readonly string[];
  /** Stores a ticket for this range before the next call, so that a later attempt continues with it. */
  keep(ticket: string): Promise<void>;
}
export interface AboutSuppression extends About {
  /** True adds the suppression, false lifts it. */
  readonly suppressed: boolean;
}

type Answers = Answer | null | readonly (Answer | null)[];
/** Nothing, or answers: the system does not say how much it deleted. */
export type Erased =
  | void
  | Answers
  | Later
  | { readonly removed?: number | Readonly<Record<string, number>>; readonly blocked?: readonly number[] };

export type Counted = number | { readonly seq: number; readonly rows: number };
export interface OwnedRow {
  readonly seq: number;
  readonly row: Readonly<Record<string, unknown>>;
}

type Work<Type extends string, Result, Facts = About> = (
  api: Api,
  people: readonly Person<Type>[],
  found: Found,
  about: Facts,
) => Promise<Result>;
type ReadRows<Type extends string> = (
  api: Api,
  people: readonly Person<Type>[],
  found: Found,
  about: AboutExport,
) => AsyncIterable<OwnedRow>;

export interface RowTable<Type extends string = string> {
  /** What the rows are, for the person. */
  readonly about?: string;
  /** The fields, each with its meaning for the person. All other fields are exported in one column, `other`. */
  readonly columns?: Readonly<Record<string, string>>;
  readonly read: ReadRows<Type>;
}

/** Functions of the configuration, for people with these identity types. Which of them exist decides what the system can do. */
export interface HttpFunctions<Type extends string = string> {
  /** A harmless call. 401 and 403 are config errors at `auth`. */
  readonly check: (api: Api) => Promise<unknown>;
  /** The ids of the system. They are kept with the request, so that a later pass does not look up again. */
  readonly find?: (api: Api, people: readonly Person<Type>[], about: About) => Promise<readonly FoundIds[]>;
  /** Deletes. Idempotent. With `find`, it is called only for people with an id. */
  readonly erase: Work<Type, Erased, AboutDeletion>;
  /** Asks for work that `erase` has given to the system. */
  readonly ask?: (api: Api, ticket: string, about: About) => Promise<Asked>;
  /** Who is still there. */
  readonly left?: Work<Type, Left>;
  /** Who is there before a deletion, and with how many rows. */
  readonly count?: Work<Type, readonly Counted[]>;
  /** The rows of an export: one table `records`, or several by name. */
  readonly rows?: ReadRows<Type> | Readonly<Record<string, RowTable<Type>>>;
  /** Hides, and brings back. Both or neither, because hiding without a way back is a deletion. */
  readonly hide?: Work<Type, unknown>;
  readonly restore?: Work<Type, unknown>;
  /** Makes the system refuse the identities, or accept them again. */
  readonly suppress?: Work<Type, unknown, AboutSuppression>;
}

export interface HostSettings {
  /** `https://api.example.com`, or with a path that stands before every path. */
  readonly at: string;
  readonly auth?: Auth | readonly Auth[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** What `http` needs to know about a system, apart from its functions. See docs/connectors.md. */
export interface HttpFacts<Kinds extends HttpKinds = HttpKinds> extends HostSettings {
  /** Other hosts of the system, for `api.as('name')`. They do not receive the credentials of the main host. */
  readonly hosts?: Readonly<Record<string, HostSettings>>;
  /** Private networks in which the hosts may lie, such as `10.0.0.0/8`. Plain HTTP is allowed only there. */
  readonly allowPrivate?: readonly string[];
  /** Variables that functions read with `api.secret('name')`. */
  readonly secrets?: Readonly<Record<string, EnvName>>;
  /** Changes when the functions select other data, such as a date. */
  readonly version: string;
  /** The rate limits: by lane, or one list for all calls. */
  readonly pace?: Readonly<Record<string, readonly PaceWindow[]>> | readonly PaceWindow[];
  readonly kinds: Kinds;
  /** What the functions can delete and export. Default: `data`. */
  readonly scopes?: readonly Scope[];
  /** The longest time of one call. Default: 30 seconds. */
  readonly timeout?: DurationText;
  /** The largest answer. Default: 10 000 000. */
  readonly maxAnswerBytes?: number;
  /** Default: `Idempotency-Key`. */
  readonly idempotencyHeader?: string;
  /** The longest time from the deletion to an empty system. */
  readonly completesWithin: DurationText;
  /** The time after which the system shows a deletion, such as the delay of a search index. */
  readonly settle?: DurationText;
}

export type HttpSettings<Kinds extends HttpKinds = HttpKinds> = HttpFacts<Kinds> & HttpFunctions<TypesOf<Kinds>>;
/** The settings of any connector, for the code that calls its functions. */
export type AnyHttpSettings = HttpFacts & HttpFunctions;

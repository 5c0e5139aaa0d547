import type { Comparison } from '../../../domain/identity.ts';
import type { EnvName } from '../../connector.ts';

/** `'user_id'`, or with the way its values compare: `{ column: 'company_id', match: 'integer' }`. Default: exact. */
export type Column = string | { readonly column: string; readonly match: Comparison };

/** One column, or several that name a subject together; composite values are arrays in this order. */
export type IdentityColumns =
  | { readonly column: string; readonly match?: Comparison }
  | { readonly columns: readonly string[]; readonly match?: Comparison };

/**
 * How a table's rows belong to a subject: by a column that holds its key or an alias of it
 * (`match: 'key'`: never an alias), or by columns that hold one of its other identities.
 */
export type SubjectColumns =
  | string
  | { readonly column: string; readonly match: 'key' | 'key_and_aliases' }
  | { readonly identity: string; readonly columns: readonly string[] };

/** For the person it is about, who does not know the schema: what a table holds and what its columns mean. */
export interface Wording {
  readonly about?: string;
  readonly columns?: Readonly<Record<string, string>>;
}

export interface Retention {
  /** Shown in the receipt: the legal ground, e.g. `tax law, 10 years`. */
  readonly basis: string;
  /** Personal columns of the kept rows, set to NULL. */
  readonly blank?: readonly string[];
  /** What becomes of the reference to the subject. Required where the table references a table whose rows go. */
  readonly unlink?: 'null' | 'pseudonym';
}

export type TableMap = Wording & {
  readonly table: string;
  /** When the row came to be: the window of a CCPA export. */
  readonly time?: string;
  /** Columns that tell by what means data was collected; a deletion of scope `sources` empties them. */
  readonly sources?: readonly string[];
  readonly retain?: Retention;
  /** Names of user triggers on this table that are known and may fire. */
  readonly triggers?: readonly string[];
} & (
    | { readonly subject: SubjectColumns; readonly via?: never }
    /** Rows that belong to rows of another mapped table: `on: { itsColumn: 'columnOfTheOther' }`. */
    | {
        readonly via: { readonly table: string; readonly on: Readonly<Record<string, string>> };
        readonly subject?: never;
      }
  );

/** A deletion of scope `categories` empties every column of this table but `softDelete` and those by which rows are found. */
export interface KindMap extends Wording {
  /** The table with one row per subject. */
  readonly table: string;
  /** Its key, whose column name is also the name of the identity type. */
  readonly key: Column;
  readonly identities?: Readonly<Record<string, IdentityColumns>>;
  /** Directed links alias → subject, or alias → alias; an alias may map to several subjects. Its identity type is `alias`. */
  readonly aliases?: Wording & { readonly table: string; readonly alias: string; readonly subject: string };
  readonly sources?: readonly string[];
  /** Set while hidden: a timestamp, or true, after the column's type. */
  readonly softDelete?: { readonly column: string };
  readonly triggers?: readonly string[];
  readonly tables?: readonly TableMap[];
}

export interface PostgresSettings {
  readonly url: EnvName;
  /** The part of the time spent deleting (1 = full speed) and the subjects per commit. */
  readonly pace?: { readonly share?: number; readonly subjectsPerCommit?: number };
  readonly kinds: { readonly user?: KindMap; readonly company?: KindMap };
  /** Where segments of users are listed. */
  readonly segments?: { readonly table: string; readonly segment: string; readonly subject: string };
  /** Tables that look personal and are rightly left alone, each with its reason. */
  readonly ignore?: readonly { readonly table: string; readonly reason: string }[];
}

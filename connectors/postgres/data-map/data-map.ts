import type { Comparison } from '../../../domain/identity.ts';
import type { EnvName } from '../../connector.ts';

/** A column, optionally with the comparison of its values: `{ column: 'company_id', match: 'integer' }`. Default: exact. */
export type Column = string | { readonly column: string; readonly match: Comparison };

/** One column, or several that together form an identity. The value of a composite identity is an array in this order. */
export type IdentityColumns =
  | { readonly column: string; readonly match?: Comparison }
  | { readonly columns: readonly string[]; readonly match?: Comparison };

/**
 * The columns that relate a row to its subject: one column with the subject's key or an alias (`match: 'key'`: the key
 * only), or the columns of another identity.
 */
export type SubjectColumns =
  | string
  | { readonly column: string; readonly match: 'key' | 'key_and_aliases' }
  | { readonly identity: string; readonly columns: readonly string[] };

/** Descriptions that an export shows to the person. Without them it shows the names of the table and its columns. */
export interface Wording {
  readonly about?: string;
  readonly columns?: Readonly<Record<string, string>>;
}

export interface Retention {
  /** The legal basis, such as `tax law, 10 years`. Receipts and exports show it. */
  readonly basis: string;
  /** Columns to set to NULL in the retained rows. */
  readonly blank?: readonly string[];
  /** Replaces the reference to the subject. Required when the table references a table whose rows are deleted. */
  readonly unlink?: 'null' | 'pseudonym';
}

export type TableMap = Wording & {
  readonly table: string;
  /** When the row was created. A CCPA export excludes older rows. */
  readonly time?: string;
  /** Columns that say how data was collected. A deletion of scope `sources` clears them. */
  readonly sources?: readonly string[];
  readonly retain?: Retention;
  /** Triggers on this table that may fire on DELETE or UPDATE. */
  readonly triggers?: readonly string[];
} & (
    | { readonly subject: SubjectColumns; readonly via?: never }
    /** Rows that belong to rows of another mapped table: `on: { columnHere: 'columnThere' }`. */
    | {
        readonly via: { readonly table: string; readonly on: Readonly<Record<string, string>> };
        readonly subject?: never;
      }
  );

/** One kind of subject. docs/data-map.md describes every key. */
export interface KindMap extends Wording {
  /** The table with one row per subject. */
  readonly table: string;
  /** The unique column that identifies a subject. Its name is also the name of the identity type. */
  readonly key: Column;
  readonly identities?: Readonly<Record<string, IdentityColumns>>;
  /** Directed links alias → subject or alias → alias. An alias can lead to several subjects. Identity type: `alias`. */
  readonly aliases?: Wording & { readonly table: string; readonly alias: string; readonly subject: string };
  readonly sources?: readonly string[];
  /** Set while the subject is hidden, to a timestamp or to true. */
  readonly softDelete?: { readonly column: string };
  readonly triggers?: readonly string[];
  readonly tables?: readonly TableMap[];
}

export interface PostgresSettings {
  readonly url: EnvName;
  /** The fraction of time spent deleting (1: full speed; default 0.2), and the subjects per commit (default 100). */
  readonly pace?: { readonly share?: number; readonly subjectsPerCommit?: number };
  readonly kinds: { readonly user?: KindMap; readonly company?: KindMap };
  /** The table that lists the users of each segment. */
  readonly segments?: { readonly table: string; readonly segment: string; readonly subject: string };
  /** Tables that look personal but are not mapped, each with the reason. */
  readonly ignore?: readonly { readonly table: string; readonly reason: string }[];
}

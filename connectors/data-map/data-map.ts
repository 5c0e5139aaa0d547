import type { Comparison } from '../../domain/identity.ts';

/** A constant of the data map. */
export type Value = string | number | boolean;

/**
 * A column, or a key inside a json or jsonb column: `payload->>'user_id'` or `payload->'actor'->>'id'`. Keys of objects
 * only; every `->` and `->>` names a key in single quotes.
 */
export type ColumnName = string;

/**
 * The unique column, or columns, that identify a subject, with the comparison of their values (default: exact). The
 * identity type has the name of the column, or `name` for several columns.
 */
export type Key =
  | string
  | { readonly column: string; readonly match: Comparison }
  | { readonly name: string; readonly columns: readonly string[]; readonly match?: Comparison };

/** One column, or several that together form an identity. The value of a composite identity is an array in this order. */
export type IdentityColumns =
  | { readonly column: string; readonly match?: Comparison }
  | { readonly columns: readonly string[]; readonly match?: Comparison };

type KeyMatch = 'key' | 'key_and_aliases';

/**
 * The columns that relate a row to its subject: a column with the subject's key or an alias (`match: 'key'`: the key
 * only), the columns of a composite key, an array that contains the key, or the columns of another identity.
 */
export type SubjectColumns =
  | ColumnName
  | { readonly column: ColumnName; readonly match: KeyMatch }
  | { readonly columns: readonly ColumnName[] }
  | { readonly contains: string; readonly match: KeyMatch }
  | { readonly identity: string; readonly columns: readonly ColumnName[] };

/** Columns here, and the columns of another table whose values they have: `{ order_id: 'order_id' }`. */
export interface Relation {
  readonly table: string;
  readonly on: Readonly<Record<ColumnName, string>>;
}

/** Descriptions that an export shows to the person. Without them it shows the names of the table and its columns. */
export interface Wording {
  readonly about?: string;
  readonly columns?: Readonly<Record<string, string>>;
}

/** A constant condition per column: equal to a value, to one of several, or NULL. */
export type Conditions = Readonly<Record<string, Value | null | readonly (Value | null)[]>>;

export interface Retention {
  /** The legal basis, such as `tax law, 10 years`. Receipts and exports show it. */
  readonly basis: string;
  /** Columns to set to NULL in the retained rows. */
  readonly blank?: readonly string[];
  /** Replaces the reference to the subject. Required when the table references a table whose rows are deleted. */
  readonly unlink?: 'null' | 'pseudonym';
  /** The key of a ghost row of the subject's table that takes over the rows. Per column if the key is composite. */
  readonly reassign?: Value | Readonly<Record<string, Value>>;
}

/**
 * What each reference column of a row of another person becomes: NULL, a constant, or the key of a ghost row of the
 * subject's table. With `contains`, null removes the key from the array.
 */
export type Detachment = Readonly<Record<ColumnName, Value | null | { readonly ghost: Value }>>;

/** What a column of the subject's own row becomes. `placeholder` is a text in which {key} stands for the key. */
export type Anonymised = Value | null | { readonly placeholder: string } | { readonly random: true };

/** A foreign key of `table` with an ON DELETE action. Lethe counts the rows that the action changes. */
export interface DeleteAction {
  readonly table: string;
  readonly constraint: string;
}

/** Keys that the subject's own table and every other table can have. */
interface CommonMap extends Wording {
  readonly table: string;
  /** Columns that say how data was collected. A deletion of scope `sources` clears them. */
  readonly sources?: readonly string[];
  /** Columns that never leave the database, such as a password hash. */
  readonly omit?: readonly string[];
  /** Columns that look like credentials and may be exported. */
  readonly approve?: readonly string[];
  /** Triggers on this table that may fire on DELETE or UPDATE. */
  readonly triggers?: readonly string[];
  /** Rewrite rules on DELETE or UPDATE that may apply. */
  readonly rules?: readonly string[];
  /** Tables that inherit from this one. Their rows are deleted with its rows. */
  readonly inheritors?: readonly string[];
  /** Foreign keys to this table whose ON DELETE action may change rows that the data map does not list. */
  readonly onDelete?: readonly DeleteAction[];
}

/** How an entry finds its rows. */
type RowSelection =
  | { readonly subject: SubjectColumns; readonly via?: never; readonly referencedBy?: never }
  /** Rows that belong to rows of another entry, or of this table itself (to any depth). */
  | { readonly via: Relation; readonly subject?: never; readonly referencedBy?: never }
  /** Rows to which rows of another entry point. Deleted only when no other row points to them. */
  | {
      readonly referencedBy: Relation;
      /** Other tables that can point to the same row. */
      readonly sharedWith?: readonly Relation[];
      readonly subject?: never;
      readonly via?: never;
    };

export type TableMap = CommonMap & {
  /** Restricts the entry to rows that meet a constant condition. */
  readonly where?: Conditions;
  /** When the row was created. A CCPA export excludes older rows. */
  readonly time?: string;
  readonly retain?: Retention;
  /** The rows belong to another person and only refer to the subject. A deletion changes the reference. */
  readonly detach?: Detachment;
  /** The rows are deleted with the subject, but not exported. */
  readonly export?: false;
} & RowSelection;

/** One kind of subject. docs/data-map.md describes every key. */
export interface KindMap extends CommonMap {
  /** `table` has one row per subject. */
  readonly key: Key;
  readonly identities?: Readonly<Record<string, IdentityColumns>>;
  /** Directed links alias → subject or alias → alias. An alias can lead to several subjects. Identity type: `alias`. */
  readonly aliases?: Wording & { readonly table: string; readonly alias: string; readonly subject: string };
  /** Set while the subject is hidden, to a timestamp or to true. */
  readonly softDelete?: { readonly column: string };
  /** Keeps the subject's own row and replaces these columns. */
  readonly anonymise?: Readonly<Record<string, Anonymised>>;
  readonly tables?: readonly TableMap[];
}

/** What the settings of every database say of its data. */
export interface DataMap {
  /** The fraction of time spent deleting (1: full speed; default 0.2), and the subjects per commit (default 100). */
  readonly pace?: { readonly share?: number; readonly subjectsPerCommit?: number };
  readonly kinds: { readonly user?: KindMap; readonly company?: KindMap };
  /** The table that lists the users of each segment. */
  readonly segments?: {
    readonly table: string;
    readonly segment: string;
    readonly subject: string | readonly string[];
    /** A table with the names of all segments. Without it, a segment exists as long as it lists a user. */
    readonly list?: { readonly table: string; readonly segment: string };
  };
  /** Tables that look personal but are not mapped, each with the reason. */
  readonly ignore?: readonly { readonly table: string; readonly reason: string }[];
}

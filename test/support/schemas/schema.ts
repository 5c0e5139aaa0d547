import { readFileSync } from 'node:fs';
import type postgres from 'postgres';
import type { Identity } from '../../../domain/identity.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { Edit } from './edits.ts';
import { ANALYZE_TABLES } from '../databases.ts';

/** A schema with data, the decisions of a person about its data maps, and three persons to export and to delete. */
export interface Schema {
  readonly name: string;
  /** The systems of the project. All of them use the database of the schema. */
  readonly systems: Readonly<Record<string, readonly Decisions[]>>;
  readonly directory: string;
  readonly persons: readonly Person[];
}

/** A table for which `init` proposes a data map, and what a person changes in the proposal. */
export interface Decisions {
  readonly table: string;
  readonly kind: SubjectKind;
  readonly edits: readonly Edit[];
}

/** What a person would say about the rows of one person, as SQL that uses nothing of the data map. */
export interface Person {
  readonly name: string;
  readonly system: string;
  readonly kind: SubjectKind;
  readonly identity: Identity;
  /** Per table, the condition of the rows that an export contains. */
  readonly own: Readonly<Record<string, string>>;
  /** The statements that delete the person. */
  readonly deletion: readonly string[];
  /** Per table, the conditions of the rows that a deletion keeps. */
  readonly kept: Readonly<Record<string, Kept>>;
  /** Columns of kept rows that receive a random value. */
  readonly random?: readonly { readonly table: string; readonly column: string }[];
  /** Columns that never leave the database. */
  readonly omitted?: Readonly<Record<string, readonly string[]>>;
  /** The marks in the texts of the person. */
  readonly marks: readonly string[];
}

/** A row can be retained and detached, if it is the person's own and also refers to the person. */
export interface Kept {
  readonly retained?: string;
  readonly detached?: string;
  readonly anonymised?: string;
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/** Creates the tables of a schema and their rows. The same seed creates the same rows. */
export async function createSchema(sql: postgres.Sql, name: string, seed: number): Promise<void> {
  const connection = await sql.reserve();
  try {
    for (const file of [`${name}/schema.sql`, 'functions.sql', `${name}/data.sql`])
      await connection.unsafe(read(file).replaceAll(':seed))', `${seed}))`));
    await connection`RESET search_path`;
    await connection.unsafe(ANALYZE_TABLES);
  } finally {
    connection.release();
  }
}

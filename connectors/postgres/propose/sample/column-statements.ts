import { ident, literal, relation } from '../../sql.ts';
import type { Column, SnapshotKey, Table } from '../catalog/snapshot.ts';
import type { Reference } from '../references/reference.ts';
import { referenceId } from '../references/reference.ts';
import type { Subject } from '../settings/subject.ts';
import type { Question } from './sample.ts';
import { SAMPLED_ROWS } from './statements.ts';

const EMAIL = String.raw`^[^@[:space:]]+@[^@[:space:]]+\.[[:alpha:]]{2,}$`;
const PHONE = String.raw`^\+?[0-9][0-9 ()/.-]{6,18}$`;

/** Per text column, how many values look like an email address or a phone number. */
export function textQuestion({ name, columns }: Table): Question[] {
  const texts = columns.filter(({ family, isArray }) => family === 'text' && !isArray);
  if (texts.length === 0) return [];
  const count = (column: Column, kind: string, pattern: string): string =>
    `SELECT ${literal(`${kind} ${column.name}`)} AS name, count(${ident(column.name)})::int AS sampled,
      count(*) FILTER (WHERE ${ident(column.name)}::text ~ ${literal(pattern)})::int AS matched FROM sampled`;
  return [
    {
      id: textQuestionId(name),
      sql: `WITH sampled AS MATERIALIZED (SELECT ${texts.map((column) => ident(column.name)).join(', ')} FROM ${relation(name)} LIMIT ${SAMPLED_ROWS})
        ${texts.flatMap((column) => [count(column, 'email', EMAIL), count(column, 'phone', PHONE)]).join(' UNION ALL ')}`,
    },
  ];
}

export const textQuestionId = (table: string): string => `texts of ${table}`;

/** How many different rows the sampled values of a foreign key point to. Near 1: each row has its own. */
export function ratioQuestion({ child, childColumns, parent }: SnapshotKey): Question {
  const columns = childColumns.map(ident).join(', ');
  const filled = childColumns.map((name) => `${ident(name)} IS NOT NULL`).join(' AND ');
  return {
    id: ratioQuestionId(child, childColumns, parent),
    sql: `SELECT '' AS name, count(*)::int AS sampled, count(DISTINCT (${columns}))::int AS matched
      FROM (SELECT ${columns} FROM ${relation(child)} WHERE ${filled} LIMIT ${SAMPLED_ROWS}) AS sampled`,
  };
}

export const ratioQuestionId = (child: string, columns: readonly string[], parent: string): string =>
  `rows of ${parent} per ${child}(${columns.join()})`;

/** How many rows of a child have the same owner as the row of the parent that they belong to. */
export function sameOwnerQuestion(link: Reference, childOwner: Reference, parentOwner: Reference): Question {
  const on = link.childColumns.map(
    (name, index) => `parent.${ident(link.parentColumns[index] ?? '')} = child.${ident(name)}`,
  );
  const owners = childOwner.childColumns.map(
    (name, index) => `child.${ident(name)}::text = parent.${ident(parentOwner.childColumns[index] ?? '')}::text`,
  );
  const known = childOwner.childColumns.map((name) => `child.${ident(name)} IS NOT NULL`);
  return {
    id: sameOwnerQuestionId(link),
    sql: `SELECT '' AS name, count(*)::int AS sampled, count(*) FILTER (WHERE ${owners.join(' AND ')})::int AS matched
      FROM (SELECT * FROM ${relation(link.child)} AS child WHERE ${known.join(' AND ')} LIMIT ${SAMPLED_ROWS}) AS child
      JOIN ${relation(link.parent)} AS parent ON ${on.join(' AND ')}`,
  };
}

export const sameOwnerQuestionId = (link: Reference): string => `same owner of ${referenceId(link)}`;

/** How many email addresses of a table are those of a subject. */
export function addressQuestion(table: string, column: string, subject: Subject, email: string): Question {
  return {
    id: addressQuestionId(table, column),
    sql: `WITH sampled AS MATERIALIZED (SELECT DISTINCT lower(${ident(column)}::text) AS value FROM
          (SELECT ${ident(column)} FROM ${relation(table)} WHERE ${ident(column)} IS NOT NULL LIMIT ${SAMPLED_ROWS}) AS found)
      SELECT '' AS name, count(*)::int AS sampled, count(*) FILTER (WHERE EXISTS
        (SELECT FROM ${relation(subject.table.name)} AS known WHERE lower(known.${ident(email)}::text) = value))::int AS matched FROM sampled`,
  };
}

export const addressQuestionId = (table: string, column: string): string => `addresses of ${table}.${column}`;

/** Keys that applications give to a row that stands for deleted subjects. */
export const GHOSTS: Readonly<Record<string, readonly (string | number)[]>> = {
  integer: [0, -1],
  uuid: ['00000000-0000-0000-0000-000000000000'],
  text: ['deleted', 'ghost', 'deleted-user', 'deleted_user', 'anonymous', '[deleted]'],
};

/** Which of the usual ghost keys exist. Of a composite key, the last column is compared. */
export function ghostQuestion({ table, key }: Subject): Question[] {
  const column = table.columns.find(({ name }) => name === key.at(-1));
  const keys = GHOSTS[column?.family ?? ''] ?? [];
  if (column === undefined || keys.length === 0) return [];
  const exists = keys.map(
    (value) =>
      `SELECT ${literal(String(value))} AS name, 1 AS sampled, 1 AS matched WHERE EXISTS
        (SELECT FROM ${relation(table.name)} WHERE ${ident(column.name)} = ${literal(String(value))})`,
  );
  return [{ id: GHOST_KEYS, sql: exists.join(' UNION ALL ') }];
}

export const GHOST_KEYS = 'ghosts';

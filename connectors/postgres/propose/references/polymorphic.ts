import { singularForms } from '../../../data-map/coverage/key-names.ts';
import { wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import { tableName } from '../../../data-map/names.ts';
import { isComparable } from '../catalog/families.ts';
import { type Column, type Snapshot, type Table, columnOf, isMappable, keysFrom } from '../catalog/snapshot.ts';
import type { Subject } from '../settings/subject.ts';
import type { Reference } from './reference.ts';

/** A column with the type of a row, and one with its key, such as `item_type` and `item_id`. */
export interface PolymorphicPair {
  readonly table: string;
  readonly type: Column;
  readonly id: Column;
  /** The table of types that an integer refers to, as in Django. */
  readonly types?: string;
}

export function polymorphicPairs(snapshot: Snapshot): readonly PolymorphicPair[] {
  return [...snapshot.tables.values()].filter(isMappable).flatMap((table) => {
    const keys = keysFrom(snapshot, table.name);
    const linked = new Set(keys.flatMap(({ childColumns }) => childColumns));
    const types = keys.find(({ parent }) => /content_types?$/.test(parent))?.parent;
    return table.columns.flatMap((type) => {
      const found = idColumns(type, table, types !== undefined);
      return found.flatMap((id) => {
        if (linked.has(id.name)) return [];
        if (!linked.has(type.name)) return isTypeColumn(type) ? [{ table: table.name, type, id }] : [];
        return types === undefined ? [] : [{ table: table.name, type, id, types }];
      });
    });
  });
}

const isTypeColumn = ({ family, labels, isArray }: Column): boolean =>
  !isArray && (family === 'text' || labels.length > 0);

function idColumns(type: Column, table: Table, hasTypes: boolean): Column[] {
  const words = wordsOf(type.name);
  const stem = /^(.*?)_?type$/.exec(words)?.[1];
  const isId = ({ name }: Column): boolean => stem !== undefined && stem !== '' && wordsOf(name) === `${stem}_id`;
  const isObject = ({ name }: Column): boolean =>
    hasTypes && words === 'content_type_id' && wordsOf(name) === 'object_id';
  return table.columns.filter((column) => column !== type && (isId(column) || isObject(column)));
}

/** The names of types by table. A name without the module, such as `User` for `team_user`, is only used if no table has it. */
export function typeNamesOf(tables: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const claimed = new Set(tables.flatMap((table) => fullNames(table)));
  return new Map(
    tables.map((table) => {
      const full = fullNames(table);
      return [table, [...full, ...moduleNames(table).filter((name) => !claimed.has(name))]];
    }),
  );
}

/** What an application can call a row of a table: `Post`, `App\\Models\\Post`, `posts`. */
function fullNames(table: string): readonly string[] {
  const { schema, name } = tableName(table);
  const words = wordsOf(name);
  // The singular is the likeliest name.
  const names = singularForms(words)
    .toReversed()
    .flatMap((one) => {
      const parts = one.split('_');
      const plain = [pascal(parts), one, one.toUpperCase(), parts.join('-'), parts.join(' ')];
      return [...plain, ...classes(pascal(parts)), `${schema}.${one}`];
    });
  return [...new Set([...names, name, `${schema}.${name}`])];
}

/** Names in which the first word of the table is a module: `Blog::Post`, `blog.post`, `Post` for `blog_posts`. */
function moduleNames(table: string): readonly string[] {
  return singularForms(wordsOf(tableName(table).name))
    .toReversed()
    .flatMap((one) => {
      const [first = '', ...rest] = one.split('_');
      if (rest.length === 0) return [];
      const [short, joined, spaced] = [pascal(rest), rest.join(''), rest.join('_')];
      return [
        `${pascal([first])}::${short}`,
        `${first}.${joined}`,
        `${first}.${spaced}`,
        short,
        spaced,
        joined,
        ...classes(short),
      ];
    });
}

const pascal = (words: readonly string[]): string =>
  words.map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`).join('');

const classes = (name: string): string[] => [`App\\Models\\${name}`, `App\\${name}`, `app\\models\\${name}`];

/** The answers to `type names that occur`, per pair and name. For Django the number of the type of a table. */
export interface PolymorphicAnswers {
  isSampled(pair: PolymorphicPair): boolean;
  occurs(pair: PolymorphicPair, name: string): boolean;
  typeNumber(table: string): number | null;
}

/** References of polymorphic pairs to one table. Without rows the name is a guess, for the subject's table only. */
export function polymorphicReferences(
  pairs: readonly PolymorphicPair[],
  parent: Table,
  subject: Subject,
  names: readonly string[],
  answers: PolymorphicAnswers,
): readonly Reference[] {
  const isSubject = parent.name === subject.table.name;
  const key = isSubject ? subject.key : parent.primaryKey;
  const [first] = key;
  const column = first === undefined ? undefined : columnOf(parent, first);
  if (column === undefined || key.length !== 1) return [];
  return pairs.flatMap((pair): Reference[] => {
    const isText = pair.id.family === 'text' && isSubject;
    if (!isComparable(pair.id, column) && !isText) return [];
    const base = {
      kind: 'polymorphic' as const,
      child: pair.table,
      childColumns: [pair.id.name],
      parent: parent.name,
      parentColumns: key,
    };
    if (pair.types !== undefined) {
      const number = answers.typeNumber(parent.name);
      return number === null ? [] : [{ ...base, where: { [pair.type.name]: number } }];
    }
    if (pair.type.labels.length > 0) {
      const labels = pair.type.labels.filter((label) => names.includes(label));
      return labels.map((label) => ({ ...base, where: { [pair.type.name]: label } }));
    }
    const found = names.filter((name) => answers.occurs(pair, name));
    if (found.length > 0)
      return found.map((name) => ({
        ...base,
        where: { [pair.type.name]: name },
        evidence: { sampled: 1, matched: 1 },
      }));
    return isSubject && !answers.isSampled(pair) ? [{ ...base, where: { [pair.type.name]: names[0] ?? '' } }] : [];
  });
}

import { qualifiedName, tableName } from '../names.ts';
import type { KindModel } from '../model.ts';
import { type TypeFamily, normalName, wordsOf } from './personal-columns.ts';
import type { ForeignKey, TableColumn } from './tables.ts';

/** The names and types of columns that refer to the subjects of a kind. */
export interface KeyNames {
  readonly names: ReadonlySet<string>;
  readonly types: readonly TypeFamily[];
  /** All of these columns together are a composite key. */
  readonly composite: readonly string[];
}

/** Too general to say whose key a column holds. */
const GENERAL_NAMES = [
  'id',
  'uuid',
  'guid',
  'uid',
  'oid',
  'pk',
  'key',
  'code',
  'name',
  'number',
  'value',
  'parent_id',
].map(normalName);

/**
 * Derived from references that exist: the name of the key, `<subject>_id`, and the names of columns that refer to the
 * subject's table elsewhere, by a foreign key or in the data map.
 */
export function keyNames(
  model: KindModel,
  foreignKeys: readonly ForeignKey[],
  columns: readonly TableColumn[],
): KeyNames {
  const table = qualifiedName(model.map.table);
  const key = model.key.columns;
  const [first = ''] = key;
  const type = columns.find((column) => column.table === table && column.name === first)?.type;
  const referencing = foreignKeys
    .filter(
      (each) => each.parent === table && each.childColumns.length === 1 && key.includes(each.parentColumns[0] ?? ''),
    )
    .flatMap(({ childColumns }) => childColumns);
  const mapped = model.targets.flatMap(({ matches }) =>
    matches.flatMap((match) =>
      match.types.includes(model.keyType) && match.columns.length === 1 && match.columns.every(isColumn)
        ? match.columns
        : [],
    ),
  );
  const names = [...(key.length === 1 ? key : []), ...namesOfSubject(table, first), ...referencing, ...mapped];
  return {
    names: new Set(names.map(normalName).filter((name) => !GENERAL_NAMES.includes(name))),
    types: type === undefined ? [] : [...new Set([type, 'text' as const])],
    composite: key.length > 1 ? key.map(normalName) : [],
  };
}

/** A key inside a document is no column. */
const isColumn = (name: string): boolean => !name.includes('->');

/** `user_id` and its forms for `public.users`, `auth_user` and `"User"`. */
function namesOfSubject(table: string, key: string): string[] {
  const words = wordsOf(tableName(table).name);
  const subjects = new Set([words, words.split('_').at(-1) ?? words].flatMap(singularForms));
  return [...subjects].flatMap((subject) => ['id', 'uuid', 'guid', 'uid', key].map((suffix) => `${subject}_${suffix}`));
}

const IRREGULAR: Readonly<Record<string, string>> = { people: 'person', children: 'child', men: 'man', women: 'woman' };

/** The possible singulars of a plural, and the word itself: its name alone does not decide between them. */
export function singularForms(words: string): readonly string[] {
  const last = words.split('_').at(-1) ?? words;
  const before = words.slice(0, words.length - last.length);
  const irregular = IRREGULAR[last];
  const forms = [
    last,
    ...(irregular === undefined ? [] : [irregular]),
    ...(last.endsWith('ies') ? [`${last.slice(0, -3)}y`] : []),
    ...(/(s|x|z|ch|sh)es$/.test(last) ? [last.slice(0, -2)] : []),
    ...(/[^su]s$/.test(last) ? [last.slice(0, -1)] : []),
  ];
  return forms.map((form) => before + form);
}

/** Whether a column can hold the key of a subject: by its name, or in the plural if it is an array. */
export function isKeyColumn({ name, type, isArray, isForeignKey }: TableColumn, { names, types }: KeyNames): boolean {
  if (isForeignKey || !types.includes(type)) return false;
  const normal = normalName(name);
  return names.has(normal) || (isArray && normal.endsWith('s') && names.has(normal.slice(0, -1)));
}

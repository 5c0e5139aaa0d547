import { normalName, wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import { isCredential } from '../../../data-map/checks/credentials.ts';
import { canHoldKey, isComparable } from '../catalog/families.ts';
import { type Column, type Snapshot, type Table, columnOf, isMappable } from '../catalog/snapshot.ts';
import { isUsersName } from '../names/table-kinds.ts';
import { roleOf, rolePart, singularNames } from '../names/roles.ts';
import type { Subject } from '../settings/subject.ts';
import { polymorphicPairs } from './polymorphic.ts';
import type { Reference, ReferenceKind } from './reference.ts';

/** Names of keys that say nothing about the table. */
const GENERAL: readonly string[] = [
  'token',
  'email',
  'title',
  'username',
  'url',
  'path',
  'hash',
  'id',
  'uuid',
  'guid',
  'uid',
  'oid',
  'pk',
  'key',
  'code',
  'name',
  'no',
  'nr',
  'number',
  'value',
  'slug',
  'type',
  'status',
  'lang',
  'locale',
];
const ID_WORDS: readonly string[] = ['id', 'uuid', 'guid', 'no', 'nr', 'key', 'ref'];

/** References by columns without a foreign key, judged by names and types. The sample confirms or rejects them. */
export function guessReferences(snapshot: Snapshot, subject: Subject): readonly Reference[] {
  const tables = [...snapshot.tables.values()].filter(isMappable);
  const parents = tables.flatMap((parent) => parentOf(parent, subject));
  const pairs = polymorphicPairs(snapshot);
  return tables.flatMap((child) => {
    const linked = new Set(
      snapshot.foreignKeys.filter((key) => key.child === child.name).flatMap(({ childColumns }) => childColumns),
    );
    for (const { table, type, id } of pairs) if (table === child.name) linked.add(type.name).add(id.name);
    const free = child.columns.filter(
      (column) => !linked.has(column.name) && !column.isArray && canHoldKey(column.base) && !isNumbered(column),
    );
    return [
      ...parents.flatMap((parent) => free.flatMap((column) => guessColumn(column, child, parent, subject, snapshot))),
      ...parents.flatMap((parent) => guessComposite(free, child, parent)),
    ];
  });
}

/** The database numbers the rows, so that the column refers to nothing. */
const isNumbered = ({ isAlwaysIdentity, default: value }: Column): boolean =>
  isAlwaysIdentity || value?.startsWith('nextval(') === true;

interface Parent {
  readonly table: Table;
  readonly key: readonly Column[];
  /** Names of a column that refers to a row: `user_id`. */
  readonly names: ReadonlySet<string>;
}

function parentOf(table: Table, subject: Subject): Parent[] {
  const isSubject = table.name === subject.table.name;
  const columns = isSubject ? subject.key : table.primaryKey;
  const key = columns.flatMap((name) => columnOf(table, name) ?? []);
  if (key.length === 0 || key.some(({ base, isArray }) => isArray || !canHoldKey(base))) return [];
  const [first] = key;
  const own =
    key.length === 1 &&
    first !== undefined &&
    !GENERAL.includes(normalName(first.name)) &&
    !isCredential(first.name, first)
      ? [first.name]
      : [];
  const made = singularNames(table.name).flatMap((name) =>
    [...ID_WORDS, first?.name ?? 'id'].map((word) => `${name}_${word}`),
  );
  return [{ table, key, names: new Set([...own, ...made].map(normalName)) }];
}

function guessColumn(column: Column, child: Table, parent: Parent, subject: Subject, snapshot: Snapshot): Reference[] {
  const [key] = parent.key;
  if (key === undefined || parent.key.length !== 1) return [];
  const isSubject = parent.table.name === subject.table.name;
  if (child.name === parent.table.name && column.name === key.name) return [];
  // `streams.stream_id` is the key of its own table, even if another table has the same key.
  const isOwnKey = child.primaryKey.length === 1 && child.primaryKey[0] === column.name;
  if (!isSubject && isOwnKey && isNamedAfter(column.name, child)) return [];
  const kind = kindOf(column, child, parent, isSubject, snapshot);
  if (kind === null || !isTypeOf(column, key, isSubject)) return [];
  return [
    {
      kind,
      child: child.name,
      childColumns: [column.name],
      parent: parent.table.name,
      parentColumns: [key.name],
    },
  ];
}

const isNamedAfter = (column: string, { name }: Table): boolean =>
  singularNames(name).some((word) => normalName(column).startsWith(normalName(word)));

function kindOf(
  column: Column,
  child: Table,
  parent: Parent,
  isSubject: boolean,
  snapshot: Snapshot,
): ReferenceKind | null {
  const normal = normalName(column.name);
  if (child.name !== parent.table.name && parent.names.has(normal)) return 'name';
  const words = wordsOf(column.name);
  const isSuffix = [...parent.names].some(
    (name) => name.length > 3 && normal.endsWith(name) && normalName(words.slice(words.indexOf('_'))).endsWith(name),
  );
  if (isSuffix) return 'suffix';
  if (!isSubject) return child.name === parent.table.name && /(^|_)parent(_|$)/.test(words) ? 'suffix' : null;
  const isReferenceName =
    /(_id|_uuid|_by|_user|_no|_nr)$|^(author|owner|creator|sender|recipient|user|customer|member|assignee|editor|whodunnit)$|(_author|_owner)$/.test(
      words,
    );
  const role = roleOf(column.name, child.name, parent.table.name);
  if (!isReferenceName || role === 'unknown') return null;
  // A word that names another table, such as `employee_id` beside a table of employees, refers to that table.
  const named = rolePart(column.name, child.name, parent.table.name);
  const isOther = [...snapshot.tables.keys()].some(
    (name) => name !== parent.table.name && singularNames(name).includes(named),
  );
  return isOther || (!isUsersName(parent.table.name) && role === 'actor') ? null : 'role';
}

/** A subject's key can be text elsewhere, because Lethe casts it. Other tables are joined by the database. */
const isTypeOf = (column: Column, key: Column, isSubject: boolean): boolean =>
  isComparable(column, key) || (isSubject && column.family === 'text' && key.family !== 'text');

function guessComposite(free: readonly Column[], child: Table, { table, key }: Parent): Reference[] {
  if (key.length < 2 || child.name === table.name) return [];
  const names = singularNames(table.name);
  const columns = key.map((part) =>
    free.find(
      (column) =>
        isComparable(column, part) &&
        (column.name === part.name
          ? !GENERAL.includes(normalName(part.name))
          : names.some((name) => normalName(column.name) === normalName(`${name}_${part.name}`))),
    ),
  );
  const found = columns.filter((column) => column !== undefined);
  if (found.length < key.length || new Set(found).size < key.length) return [];
  return [
    {
      kind: 'name',
      child: child.name,
      childColumns: found.map(({ name }) => name),
      parent: table.name,
      parentColumns: key.map(({ name }) => name),
    },
  ];
}

import { normalName } from '../../../data-map/coverage/personal-columns.ts';
import { isComparable } from '../catalog/families.ts';
import { type Snapshot, columnOf, isMappable } from '../catalog/snapshot.ts';
import { singularNames } from '../names/roles.ts';
import type { Subject } from '../settings/subject.ts';
import { literal } from '../../sql.ts';
import type { Reference } from './reference.ts';

/** Keys of documents that hold objects about a person. Names of other keys could be personal data, so none is read. */
const PERSONS: readonly string[] = [
  'actor',
  'user',
  'customer',
  'account',
  'owner',
  'author',
  'sender',
  'subject',
  'member',
  'client',
  'person',
  'profile',
];
/** Words that name a person in any application, so that nearly all values have to be keys. */
const WEAK: readonly string[] = [
  'actor_id',
  'actorId',
  'owner_id',
  'ownerId',
  'author_id',
  'authorId',
  'sender_id',
  'senderId',
  'created_by',
  'createdBy',
  'sub',
];
const CONTAINERS: readonly string[] = [
  'data',
  'payload',
  'metadata',
  'meta',
  'props',
  'properties',
  'attributes',
  'event',
  'context',
  'body',
  'params',
];

/** Possible places of the subject's key inside json and jsonb columns, the likeliest first. The sample decides. */
export function documentGuesses(snapshot: Snapshot, subject: Subject): readonly Reference[] {
  const [key] = subject.key;
  if (key === undefined || subject.key.length !== 1) return [];
  const names = keyNames(subject, key);
  const persons = [...new Set([...singularNames(subject.table.name), ...PERSONS])];
  const paths = [
    ...names.map((name) => [name]),
    ...persons.map((person) => [person, 'id']),
    ...WEAK.map((name) => [name]),
    ...persons.flatMap((person) => names.map((name) => [person, name])),
    ...CONTAINERS.flatMap((container) => names.map((name) => [container, name])),
  ];
  return [...snapshot.tables.values()].filter(isMappable).flatMap((table) =>
    table.columns
      .filter(({ base, isArray }) => !isArray && (base === 'json' || base === 'jsonb'))
      .flatMap(({ name }) =>
        paths.map((path) => ({
          kind: 'document' as const,
          child: table.name,
          childColumns: [documentPath(name, path)],
          parent: subject.table.name,
          parentColumns: [key],
        })),
      ),
  );
}

export const isWeakPath = (path: string): boolean => WEAK.some((name) => path.endsWith(`->>${literal(name)}`));

function documentPath(column: string, path: readonly string[]): string {
  const inner = path.slice(0, -1).map((key) => `->${literal(key)}`);
  return `${column}${inner.join('')}->>${literal(path.at(-1) ?? '')}`;
}

function keyNames(subject: Subject, key: string): string[] {
  const singulars = singularNames(subject.table.name);
  const made = singulars.flatMap((name) => {
    const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    return [`${name}_id`, `${camel}Id`, `${name}_uuid`, `${camel}Uuid`, `${camel}ID`];
  });
  const own = ['id', 'uuid', 'key', 'code'].includes(normalName(key)) ? [] : [key];
  return [...new Set([...own, ...made])];
}

/** Arrays whose name is that of a reference in the plural, such as `reader_ids`. */
export function arrayGuesses(snapshot: Snapshot, subject: Subject): readonly Reference[] {
  const [key] = subject.key;
  const column = key === undefined ? undefined : columnOf(subject.table, key);
  if (column === undefined || subject.key.length !== 1) return [];
  return [...snapshot.tables.values()].filter(isMappable).flatMap((table) =>
    table.columns
      .filter(
        ({ name, base, isArray }) => isArray && ARRAY.test(name) && isComparable({ base, isArray: false }, column),
      )
      .map(({ name }) => ({
        kind: 'array' as const,
        child: table.name,
        childColumns: [name],
        parent: subject.table.name,
        parentColumns: [column.name],
      })),
  );
}

const ARRAY =
  /(ids|uuids|users|members|people|readers|participants|recipients|viewers|followers|assignees|owners|[_a-z]by)$/i;

import type { ConfigError } from '../../connector.ts';
import type { Inspection } from './inspection.ts';
import type { ForeignKey } from '../data-map/catalog.ts';
import { type KindModel, type Target, isDeleted, isSameTable, linkColumns } from '../data-map/model.ts';
import { changedColumns } from '../data-map/reference-changes.ts';

/**
 * Checks every foreign key to rows that a deletion removes. The referencing rows have to be deleted or to lose their
 * reference first, by an entry that finds all of them. Otherwise the key would block the deletion, or its ON DELETE
 * action would change rows that the receipt does not count.
 */
export function checkForeignKeys({ context, catalog }: Inspection): readonly ConfigError[] {
  return context.models.flatMap((model) => {
    const parents = model.targets.filter(isDeleted);
    return parents.flatMap((parent) => [
      ...catalog.foreignKeys
        .filter((key) => isSameTable(key.parent, parent.table) && !isShared(key, parent))
        .flatMap((key) => checkForeignKey(key, parent, model)),
      ...checkAcknowledged(parent, catalog.foreignKeys),
    ]);
  });
}

/** Lethe keeps a row to which a row of this table still points. */
const isShared = (key: ForeignKey, { referencedBy, sharedWith }: Target): boolean =>
  [referencedBy, ...sharedWith].some(
    (link) =>
      link !== undefined &&
      isSameTable(link.table, key.child) &&
      link.on.every(([here, there]) =>
        key.parentColumns.some((column, i) => column === here && key.childColumns[i] === there),
      ),
  );

function checkForeignKey(key: ForeignKey, parent: Target, model: KindModel): ConfigError[] {
  const covering = model.targets.filter(
    (target) => isSameTable(target.table, key.child) && covers(target, key, parent),
  );
  const freeing = covering.find((target) => freesReference(target, key));
  if (freeing !== undefined) return checkPseudonym(key, freeing);
  const [retained] = covering;
  const acknowledged = parent.onDelete.some(
    ({ table, constraint }) => isSameTable(table, key.child) && constraint === key.name,
  );
  if (acknowledged && key.onDelete !== 'a' && key.onDelete !== 'r')
    return retained === undefined || key.onDelete !== 'c' ? [] : [cascadeToRetained(key, retained)];
  return [retained === undefined ? uncovered(key, parent, model) : keptReference(key, retained)];
}

/**
 * Whether the entry selects every row that references a row of the parent by this key: what it compares is a part of
 * what the key compares, and no constant condition excludes rows.
 */
function covers(target: Target, key: ForeignKey, parent: Target): boolean {
  if (Object.keys(target.conditions).length > 0) return false;
  const isPair = (here: string, there: string): boolean =>
    key.childColumns.some((column, i) => column === here && key.parentColumns[i] === there);
  if (target.via !== undefined)
    return isSameTable(target.via.table, parent.table) && target.via.on.every(([here, there]) => isPair(here, there));
  return (
    parent.role === 'subject' &&
    target.matches.some(
      ({ columns, types, isArray }) =>
        isArray !== true &&
        types.some((type) => parent.matches[0]?.types.includes(type) === true) &&
        columns.every((column, i) => isPair(column, parent.matches[0]?.columns[i] ?? '')),
    )
  );
}

const freesReference = (target: Target, { childColumns }: ForeignKey): boolean =>
  isDeleted(target) || changedColumns(target).some((column) => childColumns.includes(column));

function checkPseudonym(key: ForeignKey, { path, retain }: Target): ConfigError[] {
  if (retain?.unlink !== 'pseudonym') return [];
  const message = `${describe(key)}: a foreign key cannot hold a pseudonym; set unlink: 'null', or reassign the rows to a ghost row`;
  return [{ path: `${path}.retain.unlink`, message }];
}

const ACTIONS = { a: '', r: '', c: ' ON DELETE CASCADE', n: ' ON DELETE SET NULL', d: ' ON DELETE SET DEFAULT' };

const describe = (key: ForeignKey): string =>
  `${key.child} references ${key.parent} by ${key.childColumns.join(', ')}${ACTIONS[key.onDelete]} (${key.name})`;

/** No entry finds the referencing rows by the columns of the key. */
function uncovered(key: ForeignKey, parent: Target, model: KindModel): ConfigError {
  const on = key.childColumns.map((column, i) => `${column}: '${key.parentColumns[i] ?? ''}'`).join(', ');
  const entry =
    parent.role === 'subject' && key.childColumns.length === 1
      ? `{ table: '${key.child}', subject: { column: '${key.childColumns[0] ?? ''}', match: 'key' } }`
      : `{ table: '${key.child}', via: { table: '${key.parent}', on: { ${on} } } }`;
  if (parent.referencedBy !== undefined) {
    const pointing = key.parentColumns.map((column, i) => `${column}: '${key.childColumns[i] ?? ''}'`).join(', ');
    const message = `${describe(key)}, so its rows can point to the same row; add { table: '${key.child}', on: { ${pointing} } } to sharedWith`;
    return { path: `${parent.path}.sharedWith`, message };
  }
  const isOwnTable = model.targets.some((target) => isSameTable(target.table, key.child));
  const effect = {
    a: 'such rows would block the deletion',
    r: 'such rows would block the deletion',
    c: 'the database would delete such rows without a count',
    n: 'the database would change such rows without a count',
    d: 'the database would change such rows without a count',
  }[key.onDelete];
  const acknowledge =
    key.onDelete === 'a' || key.onDelete === 'r'
      ? ''
      : `, or acknowledge it with onDelete: [{ table: '${key.child}', constraint: '${key.name}' }] at this entry`;
  const found = isOwnTable
    ? 'no entry of the table finds its rows by these columns'
    : `the table is not mapped for ${model.kind}`;
  return {
    path: parent.path,
    message: `${describe(key)}, and ${found}: ${effect}; add ${entry} if these rows belong to the subject, with detach if they belong to another person${acknowledge}`,
  };
}

/** A retained row keeps its reference to a row that is deleted. */
function keptReference(key: ForeignKey, child: Target): ConfigError {
  if (key.onDelete === 'c') return cascadeToRetained(key, child);
  const columns = key.childColumns.join(', ');
  const isLink = key.childColumns.some((column) => linkColumns(child).includes(column));
  const remedy = isLink
    ? `set retain.unlink: 'null', or retain.reassign with the key of a ghost row, or keep the subject's row with anonymise`
    : `add ${columns} to retain.blank, or add an entry that detaches it`;
  return { path: `${child.path}.retain.unlink`, message: `${describe(key)}, whose rows are deleted; ${remedy}` };
}

const cascadeToRetained = (key: ForeignKey, child: Target): ConfigError => ({
  path: `${child.path}.retain.unlink`,
  message: `${describe(key)}: the database would delete the retained rows; set retain.unlink: 'null', or use ON DELETE NO ACTION`,
});

function checkAcknowledged(parent: Target, keys: readonly ForeignKey[]): ConfigError[] {
  return parent.onDelete.flatMap(({ table, constraint }, index) => {
    const key = keys.find(
      ({ name, child, parent: to }) =>
        name === constraint && isSameTable(child, table) && isSameTable(to, parent.table),
    );
    const path = `${parent.path}.onDelete.${index}`;
    if (key === undefined) return [{ path, message: `${table} has no foreign key ${constraint} to ${parent.table}` }];
    return key.onDelete === 'a' || key.onDelete === 'r'
      ? [
          {
            path,
            message: `${constraint} has no ON DELETE action, so it would block the deletion; map ${table} instead`,
          },
        ]
      : [];
  });
}

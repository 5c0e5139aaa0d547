import type { ConfigError } from '../../connector.ts';
import type { Catalog, ForeignKey } from '../catalog.ts';
import { type KindModel, type Match, type Target, isDeleted, isSameTable, linkColumns } from '../model.ts';
import { changedColumns } from '../reference-changes.ts';
import { columnPath, qualifiedName } from '../names.ts';

export interface ForeignKeyOptions {
  /** Whether the connector counts the rows that ON DELETE actions change. */
  readonly countsActions?: boolean;
}

/**
 * Checks every foreign key to rows that a deletion removes. The referencing rows have to be deleted or to lose their
 * reference first, by an entry that finds all of them. Otherwise the key would block the deletion, or its ON DELETE
 * action would change rows that the receipt does not count.
 */
export function checkForeignKeys(
  models: readonly KindModel[],
  catalog: Catalog,
  options: ForeignKeyOptions = {},
): readonly ConfigError[] {
  return models.flatMap((model) => {
    const backward = model.targets.flatMap((target) => checkDirection(target, catalog.foreignKeys));
    const parents = model.targets.filter(
      (target) => isDeleted(target) && backward.every(({ path }) => path !== `${target.path}.via`),
    );
    const errors = parents.flatMap((parent) => [
      ...withHint(
        parent,
        catalog.foreignKeys
          .filter((key) => isSameTable(key.parent, parent.table) && !isShared(key, parent))
          .flatMap((key) => checkForeignKey(key, parent, model, options)),
        catalog,
      ),
      ...checkAcknowledged(parent, catalog.foreignKeys),
    ]);
    return [...backward, ...errors];
  });
}

/** A foreign key from the table of `via` to this table says that rows there point to rows here. */
function checkDirection(target: Target, keys: readonly ForeignKey[]): ConfigError[] {
  const { via, table, path } = target;
  if (via === undefined || isSameTable(via.table, table)) return [];
  const isForward = keys.some(
    (key) =>
      isSameTable(key.child, table) &&
      isSameTable(key.parent, via.table) &&
      via.on.some(([here, there]) => isPair(key, here, there)),
  );
  const backward = keys.find(
    (key) =>
      isSameTable(key.child, via.table) &&
      isSameTable(key.parent, table) &&
      via.on.every(([here, there]) => isPair(key, there, here)),
  );
  if (isForward || backward === undefined) return [];
  const on = via.on.map(([here, there]) => `${here}: '${there}'`).join(', ');
  const message = `${describe(backward)}, so its rows point to these rows, which others can share; use referencedBy: { table: '${via.table}', on: { ${on} } } instead of via`;
  return [{ path: `${path}.via`, message }];
}

/** The number of uncovered keys to the rows of an entry that suggests that the rows are persons of their own. */
const MANY_KEYS = 3;

function withHint(parent: Target, errors: readonly ConfigError[], catalog: Catalog): readonly ConfigError[] {
  const [first, ...others] = errors;
  const isOwned = parent.role !== 'table' || parent.via !== undefined || parent.referencedBy !== undefined;
  if (first === undefined || isOwned || errors.length < MANY_KEYS) return errors;
  const detach = linkColumns(parent).map((column) => {
    const { column: name, keys } = columnPath(column);
    const type = catalog.columns.get(qualifiedName(parent.table))?.get(name);
    const isNotNull = keys.length === 0 && type?.isNotNull === true;
    return `${column}: ${isNotNull ? '{ ghost: … }' : 'null'}`;
  });
  const hint = `; if the rows of ${qualifiedName(parent.table)} belong to another person, set detach: { ${detach.join(', ')} } at ${parent.path} instead`;
  return [{ ...first, message: `${first.message}${hint}` }, ...others];
}

/** Lethe keeps a row to which a row of this table still points. */
const isShared = (key: ForeignKey, { referencedBy, sharedWith }: Target): boolean =>
  [referencedBy, ...sharedWith].some(
    (link) =>
      link !== undefined &&
      isSameTable(link.table, key.child) &&
      link.on.every(([here, there]) => isPair(key, there, here)),
  );

const isPair = ({ childColumns, parentColumns }: ForeignKey, here: string, there: string): boolean =>
  childColumns.some((column, i) => column === here && parentColumns[i] === there);

/** The parent acknowledges the ON DELETE action of the key by its name. */
const isAcknowledged = (key: ForeignKey, parent: Target): boolean =>
  key.onDelete !== 'a' &&
  key.onDelete !== 'r' &&
  parent.onDelete.some(({ table, constraint }) => isSameTable(table, key.child) && constraint === key.name);

function checkForeignKey(key: ForeignKey, parent: Target, model: KindModel, options: ForeignKeyOptions): ConfigError[] {
  const covering = model.targets.filter((target) => covers(target, key, parent, model));
  const freeing = covering.find((target) => freesReference(target, key));
  if (freeing !== undefined) return checkPseudonym(key, freeing);
  const [retained] = covering;
  if (isAcknowledged(key, parent))
    return retained === undefined || key.onDelete !== 'c' ? [] : [cascadeToRetained(key, retained)];
  return [retained === undefined ? uncovered(key, parent, model, options) : keptReference(key, retained)];
}

/**
 * Whether the entry selects every row that references a row of the parent by this key: what it compares is a part of
 * what the key compares, and no constant condition excludes rows.
 */
function covers(target: Target, key: ForeignKey, parent: Target, model: KindModel): boolean {
  if (!isSameTable(target.table, key.child) || Object.keys(target.conditions).length > 0) return false;
  if (target.via !== undefined)
    return (
      isSameTable(target.via.table, parent.table) && target.via.on.every(([here, there]) => isPair(key, here, there))
    );
  const isOwned = target.referencedBy === undefined && parent.referencedBy === undefined && parent.via === undefined;
  return isOwned && parent.matches.every(isSelectedBy);

  /** The key gives each referencing row the values by which the parent is found, and the entry finds them as well. */
  function isSelectedBy(found: Match): boolean {
    return target.matches.some(
      ({ columns, types, comparison, isArray }) =>
        isArray !== true &&
        found.isArray !== true &&
        (comparison === found.comparison || found.comparison !== 'caseInsensitive') &&
        found.types.every((type) => types.includes(type) || !(type in model.types)) &&
        columns.length === found.columns.length &&
        columns.every((column, i) => isPair(key, column, found.columns[i] ?? '')),
    );
  }
}

const freesReference = (target: Target, { childColumns }: ForeignKey): boolean =>
  isDeleted(target) || changedColumns(target).some((column) => childColumns.includes(column));

function checkPseudonym(key: ForeignKey, { path, retain }: Target): ConfigError[] {
  if (retain?.unlink !== 'pseudonym') return [];
  const message = `${describe(key)}: a foreign key cannot hold a pseudonym; set unlink: 'null', or reassign the rows to a ghost row`;
  return [{ path: `${path}.retain.unlink`, message }];
}

const ACTIONS = { a: '', r: '', c: ' ON DELETE CASCADE', n: ' ON DELETE SET NULL', d: ' ON DELETE SET DEFAULT' };

const EFFECTS = {
  a: 'such rows would block the deletion',
  r: 'such rows would block the deletion',
  c: 'the database would delete such rows without a count',
  n: 'the database would change such rows without a count',
  d: 'the database would change such rows without a count',
};

const describe = (key: ForeignKey): string =>
  `${key.child} references ${key.parent} by ${key.childColumns.join(', ')}${ACTIONS[key.onDelete]} (${key.name})`;

/** The detach of rows of another person. Only the subject's table has ghost rows, so other NOT NULL columns have none. */
function detachment({ childColumns, nullableColumns }: ForeignKey, isSubject: boolean): string | undefined {
  if (nullableColumns.length > 0) return `detach: { ${nullableColumns.map((column) => `${column}: null`).join(', ')} }`;
  return isSubject ? `detach: { ${childColumns.join()}: { ghost: … } } (the key of a ghost row)` : undefined;
}

/** No entry finds the referencing rows by the columns of the key. */
function uncovered(
  key: ForeignKey,
  parent: Target,
  model: KindModel,
  { countsActions = true }: ForeignKeyOptions,
): ConfigError {
  const on = key.childColumns.map((column, i) => `${column}: '${key.parentColumns[i] ?? ''}'`).join(', ');
  if (parent.referencedBy !== undefined) {
    const pointing = key.parentColumns.map((column, i) => `${column}: '${key.childColumns[i] ?? ''}'`).join(', ');
    const message = `${describe(key)}, so its rows can point to the same row: ${EFFECTS[key.onDelete]}; add { table: '${key.child}', on: { ${pointing} } } to sharedWith`;
    return { path: `${parent.path}.sharedWith`, message };
  }
  const [column = ''] = key.childColumns;
  const isSubject = parent.role === 'subject' && key.childColumns.length === 1;
  const found =
    `table: '${key.child}', ` +
    (isSubject ? `subject: { column: '${column}', match: 'key' }` : `via: { table: '${key.parent}', on: { ${on} } }`);
  const detach = detachment(key, isSubject);
  const others = detach === undefined ? '' : `, with ${detach} if they belong to another person`;
  const entry = isSameTable(key.child, model.map.table)
    ? `{ ${found}, ${detach ?? 'detach'} }: these rows belong to other subjects`
    : `{ ${found} } if these rows belong to the subject${others}`;
  const isOwnTable = model.targets.some((target) => isSameTable(target.table, key.child));
  const acknowledge =
    !countsActions || key.onDelete === 'a' || key.onDelete === 'r'
      ? ''
      : `, or acknowledge it with onDelete: [{ table: '${key.child}', constraint: '${key.name}' }] at this entry`;
  const reason = isOwnTable
    ? 'no entry of the table finds its rows by these columns'
    : `the table is not mapped for ${model.kind}`;
  return {
    path: parent.path,
    message: `${describe(key)}, and ${reason}: ${EFFECTS[key.onDelete]}; add ${entry}${acknowledge}`,
  };
}

/** A retained row keeps its reference to a row that is deleted. */
function keptReference(key: ForeignKey, child: Target): ConfigError {
  if (key.onDelete === 'c') return cascadeToRetained(key, child);
  const message = `${describe(key)}, whose rows are deleted; ${remedyOfKept(key, child)}`;
  return { path: `${child.path}.retain.unlink`, message };
}

function remedyOfKept({ parent, childColumns, nullableColumns }: ForeignKey, child: Target): string {
  const columns = childColumns.join(', ');
  const isLink = childColumns.some((column) => linkColumns(child).includes(column));
  if (!isLink) return `add ${columns} to retain.blank, or add an entry that detaches it`;
  if (child.via !== undefined) return `retain the rows of ${parent} as well, or set retain.unlink: 'null'`;
  const others = `retain.reassign with the key of a ghost row, or keep the subject's row with anonymise`;
  return nullableColumns.length > 0
    ? `set retain.unlink: 'null', or ${others}`
    : `${columns} is NOT NULL: set ${others}`;
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
    if (key.onDelete === 'a' || key.onDelete === 'r')
      return [
        {
          path,
          message: `${constraint} has no ON DELETE action, so it would block the deletion; map ${table} instead`,
        },
      ];
    return blockingKeys(key, keys).map((blocking) => ({
      path,
      message: `${describe(blocking)}, whose rows ${constraint} deletes: such rows would block the deletion; map ${qualifiedName(table)} instead`,
    }));
  });
}

/** The keys without an action to rows that the actions of the database delete after this one. */
function blockingKeys(action: ForeignKey, keys: readonly ForeignKey[]): readonly ForeignKey[] {
  const deleted = new Set(action.onDelete === 'c' ? [action.child] : []);
  for (let before = 0; before < deleted.size;) {
    before = deleted.size;
    for (const { child, parent, onDelete } of keys) if (onDelete === 'c' && deleted.has(parent)) deleted.add(child);
  }
  return keys.filter(({ parent, onDelete }) => deleted.has(parent) && (onDelete === 'a' || onDelete === 'r'));
}

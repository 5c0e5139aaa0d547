import type { ConfigError } from '../../connector.ts';
import { closest, suggestion } from '../../similar-names.ts';
import { sharingTables, tablePaths } from '../catalog.ts';
import type { DataMap } from '../data-map.ts';
import { type KindModel, isDeleted } from '../model.ts';
import { qualifiedName } from '../names.ts';
import type { Reason } from './coverage-reason.ts';
import { type KeyNames, isKeyColumn, keyNames } from './key-names.ts';
import { tablesOfOtherKinds } from './other-kinds.ts';
import { isEmailColumn, normalName, personalCategory } from './personal-columns.ts';
import type { TableColumn, Tables } from './tables.ts';

/** What coverage is decided on. */
export interface CoverageInput {
  readonly models: readonly KindModel[];
  readonly settings: Pick<DataMap, 'segments' | 'ignore'>;
  readonly tables: Tables;
  /** Also lists what only names suggest. */
  readonly thorough: boolean;
  /** Tables that other checks decide on, such as copies of mapped tables. */
  readonly others?: readonly string[];
  /** Searches the documents of tables that are neither mapped nor ignored. */
  documentReasons?(columns: readonly TableColumn[], names: readonly KeyNames[]): Promise<readonly Reason[]>;
}

/** Checks that every table that looks personal is mapped, or listed under `ignore` with a reason. */
export async function coverageErrors(input: CoverageInput): Promise<readonly ConfigError[]> {
  const errors = groupErrors(await findReasons(input));
  return [...errors, ...missingTables(ignoredTables(input.settings), input.tables)];
}

const ignoredTables = ({ ignore }: Pick<DataMap, 'ignore'>): readonly string[] =>
  (ignore ?? []).map(({ table }) => qualifiedName(table));

/** Why tables look personal that are neither mapped nor ignored. A table can have several reasons. */
export async function findReasons(input: CoverageInput): Promise<readonly Reason[]> {
  const { models, settings, tables, thorough, others = [], documentReasons } = input;
  const mapped = tablePaths(models, settings.segments).map(({ table }) => table);
  // Rows of these tables are not the subject's, and the data map says how they refer to the subject's rows.
  const acting = models.flatMap(({ targets }) =>
    targets.flatMap(({ onDelete }) => onDelete.map(({ table }) => qualifiedName(table))),
  );
  // What refers to detached rows belongs to other persons, as these rows do.
  const owned = models.flatMap(({ targets }) =>
    targets.filter(({ detach }) => detach === undefined).map(({ table }) => qualifiedName(table)),
  );
  const sharing = sharingTables(models).map(({ table }) => table);
  const covered = new Set([...mapped, ...ignoredTables(settings), ...others, ...acting, ...sharing]);
  const names = models.map((model) => keyNames(model, tables.foreignKeys, tables.columns));
  const open = tables.columns.filter(({ table }) => !covered.has(table));
  return [
    ...references(tables, owned, covered, tablesWithDeletedRows(models)),
    ...open.flatMap((column) => columnReason(column, names)),
    ...compositeKeys(open, names),
    ...open.filter(({ name, type }) => isEmailColumn(name, type)).map(hasColumn),
    ...(thorough ? ((await documentReasons?.(open, names)) ?? []) : []),
    // Nothing but names speaks for these, so a deletion does without.
    ...(thorough ? personalTables(open, tables, owned) : []),
    ...(thorough ? tablesOfOtherKinds(models, tables) : []),
  ];
}

/** A table that is mapped cannot be ignored. */
const orIgnore = (reason: Reason | undefined): string =>
  reason?.isMapped === true ? '' : ', or to ignore with a reason';

/** The first reason of each table, with one error for all tables of a reason. */
function groupErrors(reasons: readonly Reason[]): ConfigError[] {
  const first = new Map<string, Reason>();
  for (const reason of reasons) if (!first.has(reason.table)) first.set(reason.table, reason);
  const open = [...first.values()].filter(({ isReported }) => isReported !== true);
  return [...Map.groupBy(open, ({ many, remedy }) => `${many}\n${remedy}`).values()].map((group) => {
    const [reason] = group;
    const remedy = reason?.remedy ?? 'the data map';
    if (reason === undefined || group.length === 1)
      return { path: 'kinds', message: `${reason?.table} ${reason?.one}; add it to ${remedy}${orIgnore(reason)}` };
    const list = group.map(({ table, detail }) => (detail === undefined ? table : `${table} (${detail})`)).toSorted();
    return {
      path: 'kinds',
      message: `these ${list.length} tables ${reason.many} and are not mapped: ${list.join(', ')}; add each to ${remedy}${orIgnore(reason)}`,
    };
  });
}

/** The check of foreign keys reports each reference to them, and that an ignored table does not help there. */
const tablesWithDeletedRows = (models: readonly KindModel[]): readonly string[] =>
  models.flatMap(({ targets }) =>
    targets
      .filter((target) => isDeleted(target) && target.referencedBy === undefined)
      .map(({ table }) => qualifiedName(table)),
  );

/** Tables with a foreign key to a mapped table, or to one that has, except through ignored tables. */
function references(
  { foreignKeys }: Tables,
  mapped: readonly string[],
  covered: ReadonlySet<string>,
  reported: readonly string[],
): Reason[] {
  const reasons: Reason[] = [];
  const seen = new Set<string>();
  for (let parents: readonly string[] = mapped; parents.length > 0;) {
    const found = foreignKeys.filter(
      ({ child, parent }) => parents.includes(parent) && !covered.has(child) && !seen.has(child),
    );
    for (const { name, child, parent } of found) {
      if (seen.has(child)) continue;
      seen.add(child);
      const detail = `constraint ${name}`;
      const [one, many] = [`references ${parent} (${detail})`, `reference ${parent}`];
      reasons.push({ table: child, one, many, detail, isReported: reported.includes(parent) });
    }
    parents = found.map(({ child }) => child);
  }
  return reasons;
}

const hasColumn = ({ table, name }: TableColumn): Reason => ({
  table,
  one: `has the column ${name}`,
  many: `have a column ${name}`,
});

const columnReason = (column: TableColumn, names: readonly KeyNames[]): Reason[] =>
  names.some((each) => isKeyColumn(column, each)) ? [hasColumn(column)] : [];

/** Tables that have every column of a composite key. */
function compositeKeys(columns: readonly TableColumn[], names: readonly KeyNames[]): Reason[] {
  const byTable = Map.groupBy(columns, ({ table }) => table);
  return names.flatMap(({ composite }) =>
    composite.length === 0
      ? []
      : [...byTable].flatMap(([table, own]) => {
          const found = own.filter(({ name, isForeignKey }) => !isForeignKey && composite.includes(normalName(name)));
          if (new Set(found.map(({ name }) => normalName(name))).size < composite.length) return [];
          const list = found.map(({ name }) => name).join(', ');
          return [{ table, one: `has the columns ${list}`, many: `have the columns ${list}` }];
        }),
  );
}

/** A table to which rows of the subjects point needs one personal column to be listed, any other table two different ones. */
function personalTables(open: readonly TableColumn[], { foreignKeys }: Tables, owned: readonly string[]): Reason[] {
  return [...Map.groupBy(open, ({ table }) => table)].flatMap(([table, columns]) => {
    const personal = columns.flatMap(({ name, type }) => {
      const category = personalCategory(name, type);
      return category === null ? [] : [{ name, category }];
    });
    const list = personal.map(({ name }) => name).join(', ');
    const pointing = foreignKeys.find(({ child, parent }) => parent === table && owned.includes(child));
    if (personal.length > 0 && pointing !== undefined) {
      const columnsOfTable = `personal columns (${list})`;
      return [
        {
          table,
          one: `is not mapped, ${pointing.child} points to it (constraint ${pointing.name}), and it has ${columnsOfTable}`,
          many: 'have personal columns, mapped rows point to them',
          detail: `from ${pointing.child}: ${list}`,
          remedy: 'the data map with referencedBy',
        },
      ];
    }
    if (new Set(personal.map(({ category }) => category)).size < 2) return [];
    return [
      {
        table,
        one: `is not mapped and has personal columns (${list})`,
        many: 'have personal columns',
        detail: list,
      },
    ];
  });
}

function missingTables(ignored: readonly string[], { names }: Tables): ConfigError[] {
  return ignored.flatMap((table, index) =>
    names.has(table)
      ? []
      : [
          {
            path: `ignore.${index}.table`,
            message: `${table} does not exist${suggestion(closest(table, [...names]))}`,
          },
        ],
  );
}

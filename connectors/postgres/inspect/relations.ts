import type { ConfigError } from '../../connector.ts';
import { closest, suggestion } from '../../similar-names.ts';
import type { KindMap, TableMap } from '../../data-map/data-map.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { TABLES } from './coverage/tables.ts';
import { type Inspection, type Relation, sharingTables, tablePaths } from './inspection.ts';

const KINDS: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialized view', f: 'a foreign table' };

/** Checks that a DELETE on a mapped table removes all matching rows of that table and no other rows. */
export async function checkRelations(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { session, relations } = inspection;
  const entries = entriesOf(inspection);
  const missing = [...tablePaths(inspection), ...sharingTables(inspection.context)].filter(
    ({ table }) => !relations.has(table),
  );
  const existing = missing.length === 0 ? [] : await session.rows<{ name: string }>(TABLES);
  const names = existing.map(({ name }) => name);
  return [
    ...missing.map(({ path, table }) => ({
      path,
      message: `${table} does not exist${suggestion(closest(table, names))}`,
    })),
    ...tablePaths(inspection).flatMap(({ path, table }) => {
      const relation = relations.get(table);
      if (relation === undefined) return [];
      const own = entries.filter((entry) => entry.table === table);
      return relationErrors(relation, own).map((error) => ({ path, message: `${table} ${error}` }));
    }),
    ...entries.flatMap((entry) => missingNames(entry, relations.get(entry.table))),
  ];
}

interface Entry {
  readonly path: string;
  readonly table: string;
  readonly rules: readonly string[];
  readonly inheritors: readonly string[];
}

/** Every entry of the data map, with the names that it acknowledges. */
function entriesOf({ context }: Inspection): readonly Entry[] {
  const entry = ({ table, rules = [], inheritors = [] }: KindMap | TableMap, path: string): Entry => ({
    path,
    table: qualifiedName(table),
    rules,
    inheritors: inheritors.map(qualifiedName),
  });
  return context.models.flatMap(({ map, kind }) => [
    entry(map, `kinds.${kind}`),
    ...(map.tables ?? []).map((table, index) => entry(table, `kinds.${kind}.tables.${index}`)),
  ]);
}

function relationErrors(relation: Relation, entries: readonly Entry[]): string[] {
  const { relkind, rowSecurityActive, inheritors, rules } = relation;
  if (relkind !== 'r' && relkind !== 'p')
    return [`is ${KINDS[relkind] ?? 'not a table'}; map an ordinary or partitioned table`];
  const found: string[] = [];
  if (rowSecurityActive)
    found.push('has row-level security that applies to Lethe’s role, which could hide rows; exempt the role');
  const children = inheritors.filter((name) => !entries.some((entry) => entry.inheritors.includes(name)));
  if (children.length > 0)
    found.push(
      `has tables that inherit from it, whose rows are deleted with its rows: ${children.join(', ')}; if that is right, add inheritors: [${children.map((name) => `'${name}'`).join(', ')}] to its entry`,
    );
  for (const rule of rules.filter((name) => !entries.some((entry) => entry.rules.includes(name))))
    found.push(
      `has the rule ${rule}, which can replace a DELETE or UPDATE; drop the rule, or add rules: ['${rule}'] to its entry if rows are still deleted`,
    );
  return found;
}

/** Acknowledged names that do not exist, such as after a change of the schema. */
function missingNames(entry: Entry, relation: Relation | undefined): ConfigError[] {
  if (relation === undefined) return [];
  return [
    ...entry.rules
      .filter((rule) => !relation.rules.includes(rule))
      .map((rule) => ({
        path: `${entry.path}.rules`,
        message: `${entry.table} has no rule ${rule} on DELETE or UPDATE${suggestion(closest(rule, relation.rules)) || '; remove it'}`,
      })),
    ...entry.inheritors
      .filter((name) => !relation.inheritors.includes(name))
      .map((name) => ({
        path: `${entry.path}.inheritors`,
        message: `${name} does not inherit from ${entry.table}${suggestion(closest(name, relation.inheritors)) || '; remove it'}`,
      })),
  ];
}

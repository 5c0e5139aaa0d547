import type { ConfigError } from '../../connector.ts';
import { sharingTables, tablePaths } from '../../data-map/catalog.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { closest, suggestion } from '../../similar-names.ts';
import { relation } from '../sql.ts';
import type { Inspection } from './inspection.ts';

/** Checks that every table of the data map exists, keeps transactions, and tells its rows apart. */
export function checkRelations({ context, relations, catalog }: Inspection): readonly ConfigError[] {
  const { models, settings } = context;
  const mapped = tablePaths(models, settings.segments);
  return [...mapped, ...sharingTables(models)].flatMap(({ path, table }): ConfigError[] => {
    const found = relations.get(table);
    if (found === undefined)
      return [
        {
          path,
          message: `${table} does not exist, or the account has no right on it${suggestion(closest(table, [...relations.keys()]))}`,
        },
      ];
    if (found.kind !== 'BASE TABLE')
      return [{ path, message: `${table} is a ${found.kind.toLowerCase()}; name the table that holds the rows` }];
    if (found.engine !== 'InnoDB')
      return [
        {
          path,
          message: `${table} uses ${found.engine}, which has no transactions, so a deletion could stop in the middle; use InnoDB`,
          sql: `ALTER TABLE ${relation(table)} ENGINE = InnoDB;`,
        },
      ];
    const isTarget = models.some(({ targets }) => targets.some((target) => qualifiedName(target.table) === table));
    return !isTarget || catalog.rowKeys.has(table)
      ? []
      : [
          {
            path,
            message: `${table} has no primary key, and no unique key without NULL; Lethe tells its rows apart by one`,
          },
        ];
  });
}

/** The triggers on a table that a deletion can fire have to be listed. Without the right TRIGGER, none is visible. */
export async function checkTriggers({ context, session }: Inspection): Promise<readonly ConfigError[]> {
  const rows = await session.rows<{ table: string; trigger: string }>(
    `SELECT CONCAT(t.event_object_schema, '.', t.event_object_table) AS \`table\`, t.trigger_name AS \`trigger\`
     FROM information_schema.triggers AS t WHERE t.event_manipulation IN ('DELETE', 'UPDATE')`,
  );
  return context.models.flatMap(({ map, kind }) => {
    const entries = [
      { path: `kinds.${kind}`, table: map.table, triggers: map.triggers ?? [] },
      ...(map.tables ?? []).map((entry, index) => ({
        path: `kinds.${kind}.tables.${index}`,
        table: entry.table,
        triggers: entry.triggers ?? [],
      })),
    ];
    const first = new Map(entries.toReversed().map((entry) => [entry.table, entry]));
    return [...first.values()].flatMap(({ path, table }) => {
      const listed = entries.filter((entry) => entry.table === table).flatMap(({ triggers }) => triggers);
      return rows
        .filter((row) => row.table === table && !listed.includes(row.trigger))
        .map(({ trigger }) => ({
          path: `${path}.triggers`,
          message: `the trigger ${trigger} of ${table} fires on DELETE or UPDATE; check it and add its name`,
        }));
    });
  });
}

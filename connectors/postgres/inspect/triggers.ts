import type { ConfigError } from '../../connector.ts';
import { type Inspection, oidsOf, tablePaths } from './inspection.ts';
import { qualifiedName } from '../../data-map/names.ts';

/** A trigger can copy deleted rows or prevent their deletion, so the data map has to list it. */
export async function checkTriggers(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { context, session } = inspection;
  const listed = context.models.flatMap(({ map, kind }) => [
    { path: `kinds.${kind}`, table: qualifiedName(map.table), triggers: map.triggers ?? [] },
    ...(map.tables ?? []).map((table, index) => ({
      path: `kinds.${kind}.tables.${index}`,
      table: qualifiedName(table.table),
      triggers: table.triggers ?? [],
    })),
  ]);
  const found = await session.rows<{ table: string; trigger: string }>(TRIGGERS, [oidsOf(inspection)]);
  const unlisted = found
    .filter(({ table, trigger }) => !listed.some((each) => each.table === table && each.triggers.includes(trigger)))
    .map(({ table, trigger }) => ({
      path: `${
        tablePaths(inspection)
          .find((place) => place.table === table)
          ?.path.replace(/\.table$/, '') ?? 'kinds'
      }.triggers`,
      message: `the trigger ${trigger} of ${table} fires on DELETE or UPDATE; check it and add its name`,
    }));
  const missing = listed.flatMap(({ path, table, triggers }) =>
    triggers
      .filter((trigger) => !found.some((each) => each.table === table && each.trigger === trigger))
      .map((trigger) => ({
        path: `${path}.triggers`,
        message: `${table} has no trigger ${trigger} on DELETE or UPDATE`,
      })),
  );
  return [...unlisted, ...missing];
}

/** tgtype: 8 is DELETE, 16 is UPDATE. Triggers of partitions are included, because they fire as well. */
const TRIGGERS = `
  WITH RECURSIVE mapped(oid, root) AS (
    SELECT c.oid, c.oid FROM unnest($1::oid[]) AS c(oid)
    UNION
    SELECT i.inhrelid, m.root FROM pg_inherits i JOIN mapped m ON m.oid = i.inhparent)
  SELECT DISTINCT n.nspname || '.' || c.relname AS "table", t.tgname::text AS trigger
  FROM mapped m JOIN pg_trigger t ON t.tgrelid = m.oid
  JOIN pg_class c ON c.oid = m.root JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype::int & 24 <> 0 ORDER BY 1, 2`;

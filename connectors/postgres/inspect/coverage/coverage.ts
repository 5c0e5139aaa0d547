import type { ConfigError } from '../../../connector.ts';
import { type CoverageInput, coverageErrors, findReasons } from '../../../data-map/coverage/coverage.ts';
import type { Reason } from '../../../data-map/coverage/coverage-reason.ts';
import type { Tables } from '../../../data-map/coverage/tables.ts';
import type { Inspection } from '../inspection.ts';
import { readMaterializedViews } from '../materialized-views.ts';
import { documentReasons } from './documents.ts';
import { readTables } from './tables.ts';

/** Checks that every table that looks personal is mapped, or listed under `ignore` with a reason. */
export const checkCoverage = async (inspection: Inspection): Promise<readonly ConfigError[]> =>
  coverageErrors(await inputOf(inspection, await readTables(inspection.session)));

/** Why tables look personal that are neither mapped nor ignored. A table can have several reasons. */
export const coverageReasons = async (inspection: Inspection, tables: Tables): Promise<readonly Reason[]> =>
  findReasons(await inputOf(inspection, tables));

async function inputOf(inspection: Inspection, tables: Tables): Promise<CoverageInput> {
  const { session, context, options } = inspection;
  const copies = (await readMaterializedViews(inspection)).map(({ view }) => view);
  return {
    models: context.models,
    settings: context.settings,
    tables,
    thorough: options.thorough === true,
    others: [...copies, ...(await readInheritors(inspection))],
    documentReasons: (columns, names) => documentReasons(session, columns, names),
  };
}

/** The tables that inherit from a mapped table. The check of the mapped table lists them. */
async function readInheritors({ session, relations }: Inspection): Promise<readonly string[]> {
  const oids = [...relations.values()].filter(({ relkind }) => relkind === 'r').map(({ oid }) => oid);
  const rows = await session.rows<{ table: string }>(INHERITORS, [oids]);
  return rows.map(({ table }) => table);
}

const INHERITORS = `
  WITH RECURSIVE inheritors(oid) AS (
    SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = ANY ($1::oid[])
    UNION SELECT i.inhrelid FROM pg_inherits i JOIN inheritors h ON h.oid = i.inhparent)
  SELECT n.nspname || '.' || c.relname AS "table" FROM inheritors h
  JOIN pg_class c ON c.oid = h.oid JOIN pg_namespace n ON n.oid = c.relnamespace`;

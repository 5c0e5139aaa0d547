import type { ConfigError } from '../../connector.ts';
import { coverageErrors } from '../../data-map/coverage/coverage.ts';
import type { TypeFamily } from '../../data-map/coverage/personal-columns.ts';
import type { TableColumn, Tables } from '../../data-map/coverage/tables.ts';
import type { Family } from '../catalog/types.ts';
import { readCatalog } from '../catalog/read-catalog.ts';
import type { Inspection } from './inspection.ts';

/** Checks that every table that looks personal is mapped, or listed under `ignore` with a reason. */
export const checkCoverage = async (inspection: Inspection): Promise<readonly ConfigError[]> =>
  coverageErrors({
    models: inspection.context.models,
    settings: inspection.context.settings,
    tables: await readTables(inspection),
    thorough: inspection.options.thorough === true,
  });

/** The tables of the databases that the data map names. A view holds no rows. */
async function readTables({ session, relations }: Inspection): Promise<Tables> {
  const names = [...relations].filter(([, { kind }]) => kind === 'BASE TABLE').map(([name]) => name);
  const catalog = await readCatalog(session, names);
  const columns = [...catalog.columns].flatMap(([table, own]) =>
    [...own].map(([name, { family, base, isForeignKey }]): TableColumn => ({
      table,
      name,
      type: base === 'date' ? 'date' : FAMILIES[family],
      isArray: false,
      isForeignKey,
    })),
  );
  return { names: new Set(names), columns, foreignKeys: catalog.foreignKeys };
}

const FAMILIES: Readonly<Record<Family, TypeFamily>> = {
  text: 'text',
  integer: 'integer',
  number: 'number',
  uuid: 'uuid',
  boolean: 'boolean',
  timestamp: 'time',
  json: 'json',
  bytes: 'bytes',
  other: 'other',
};

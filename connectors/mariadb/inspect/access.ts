import type { ConfigError } from '../../connector.ts';
import { columnsOfTable } from '../catalog/columns.ts';
import { codeOf, isMissingRight } from '../failure.ts';
import { requiredGrants, systemSql } from '../setup/system-sql.ts';
import { SCHEMA_VERSION } from '../setup/system-tables.ts';
import { ident, literal, relation } from '../sql.ts';
import type { Inspection } from './inspection.ts';

/** Checks Lethe's own tables and functions, and the rights of its account. */
export async function checkAccess(inspection: Inspection): Promise<readonly ConfigError[]> {
  if (inspection.options.schemaOnly === true) return [];
  const own = await checkOwnTables(inspection);
  return [...own, ...(await checkRights(inspection))];
}

async function checkOwnTables(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { session, context } = inspection;
  const { settings, system } = context;
  const sql = systemSql(settings, { system });
  const run = 'run the SQL that npm run -s system-sql prints, as an administrator';
  try {
    const [version] = await session.rows<{ version: number | null }>(
      'SELECT MAX(version) AS version FROM lethe_schema_version',
    );
    if (Number(version?.version ?? 0) < SCHEMA_VERSION)
      return [{ path: 'database', message: `Lethe's tables are of an older version; ${run}`, sql }];
    await session.rows(`SELECT lethe_digest('', '', '', '') AS digest`);
    const types = await session.rows<{ kind: string; type: string; comparison: string }>(
      'SELECT kind, type, comparison FROM lethe_identity_types WHERE `system` = ?',
      [system],
    );
    const expected = context.models.flatMap(({ kind, types: declared }) =>
      Object.entries(declared).map(([type, { comparison }]) => `${kind} ${type} ${comparison}`),
    );
    const found = types.map(({ kind, type, comparison }) => `${kind} ${type} ${comparison}`);
    const isSame = found.length === expected.length && expected.every((each) => found.includes(each));
    return isSame
      ? []
      : [
          {
            path: 'database',
            message: `the identity types in the database are not those of the data map; ${run}`,
            sql,
          },
        ];
  } catch (error) {
    if (['1146', '1305'].includes(codeOf(error)))
      return [{ path: 'database', message: `${settings.database} has no tables of Lethe; ${run}`, sql }];
    if (!isMissingRight(error)) throw error;
    return [{ path: 'url', message: `the account lacks rights on Lethe's tables; ${GRANT}` }];
  }
}

const GRANT = 'run the SQL that npm run -s system-sql -- --role USER prints, as an administrator';

/** EXPLAIN needs the rights of the statement, and changes nothing. */
async function checkRights({ session, context, catalog, relations }: Inspection): Promise<readonly ConfigError[]> {
  const errors: ConfigError[] = [];
  const temporary = await isAllowed(session.run('CREATE TEMPORARY TABLE lethe_probe (probe INT)'));
  if (!temporary)
    errors.push({
      path: 'url',
      message: `the account must not create temporary tables in ${context.settings.database}; ${GRANT}`,
    });
  else await session.run('DROP TEMPORARY TABLE lethe_probe');
  for (const { table, rights } of requiredGrants(context.settings)) {
    if (!relations.has(table)) continue;
    const [column] = columnsOfTable(catalog, table);
    if (column === undefined) continue;
    const name = relation(table);
    const statements = {
      SELECT: `SELECT 1 FROM ${name} LIMIT 0`,
      UPDATE: `EXPLAIN UPDATE ${name} SET ${ident(column)} = ${ident(column)} WHERE false`,
      DELETE: `EXPLAIN DELETE FROM ${name} WHERE false`,
    };
    const missing: string[] = [];
    for (const right of rights) if (!(await isAllowed(session.rows(statements[right])))) missing.push(right);
    if (missing.length > 0)
      errors.push({
        path: 'url',
        message: `the account lacks ${missing.join(', ')} on ${table}; ${GRANT}`,
        sql: `GRANT ${missing.join(', ')} ON ${name} TO ${literal('USER')}@${literal('%')};`,
      });
  }
  return errors;
}

async function isAllowed(statement: Promise<unknown>): Promise<boolean> {
  try {
    await statement;
    return true;
  } catch (error) {
    if (isMissingRight(error)) return false;
    throw error;
  }
}

import type { ConfigError } from '../../../connector.ts';
import type { Inspection } from '../inspection.ts';
import { systemSql } from '../../setup/system-sql.ts';
import { checkPrivileges } from './privileges.ts';
import { checkSchema } from './schema.ts';

/**
 * Checks the rights of the role and the schema lethe_system. Before an administrator has run the SQL for it, both have
 * one error. A database that migrations have just created needs neither.
 */
export async function checkAccess(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { session, context, options } = inspection;
  if (options.schemaOnly === true) return [];
  const [state] = await session.rows<{ hasSchema: boolean; role: string }>(
    `SELECT to_regclass('lethe_system.schema_version') IS NOT NULL AS "hasSchema", current_user::text AS role`,
  );
  const role = state?.role ?? '';
  const sql = systemSql(context.settings, { system: context.system, role });
  const setup = { command: `npm run -s system-sql -- --role ${role}`, sql };
  const missing = await checkPrivileges(inspection, setup);
  if (state?.hasSchema === true) return [...(await checkSchema(inspection, setup)), ...missing];
  const rights = missing.length === 0 ? '' : ` and rights on ${missing.length} tables are missing`;
  return [
    {
      path: 'url',
      message: `the schema lethe_system${rights === '' ? ' is missing' : rights}; run as an administrator what ${setup.command} prints`,
      sql,
    },
  ];
}

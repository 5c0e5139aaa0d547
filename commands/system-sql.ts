import { parseArgs } from 'node:util';
import { loadDeployment, readDeployment } from '../config/deployment.ts';
import { runCommand } from '../config/run-command.ts';
import { deploymentEnvironment } from '../config/environment.ts';
import { qualifiedSystemName } from '../domain/ids.ts';

const USAGE = `usage: npm run system-sql [-- [PROJECT] [SYSTEM] [--role ROLE]]
         Print the SQL that an administrator runs in each system: the schema lethe_system, and the grants for ROLE.`;

/** Prints SQL. Connects to no system and runs nothing. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { role: { type: 'string' } } });
  const [onlyProject, onlySystem] = positionals;
  const { definitions } = readDeployment(await loadDeployment(deploymentEnvironment().configPath));
  const role = values.role === undefined ? {} : { role: values.role };
  const printed = [...definitions].flatMap(([project, systems]) =>
    [...systems].flatMap(([system, definition]) => {
      if (project !== (onlyProject ?? project) || system !== (onlySystem ?? system)) return [];
      const sql = definition.setupSql?.({ system: qualifiedSystemName(project, system), ...role });
      return sql === undefined ? [] : [`-- ${project}: ${system}\n${sql}`];
    }),
  );
  if (printed.length === 0) throw new Error(`no system to prepare: check PROJECT and SYSTEM\n${USAGE}`);
  console.log(printed.join('\n'));
  return 0;
}

await runCommand(main);

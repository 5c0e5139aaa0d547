import { readCommandLine, UsageError } from '../config/command-line/command-line.ts';
import { variablesOf } from '../config/command-line/variables.ts';
import { loadDeployment, readDeployment } from '../config/deployment.ts';
import { runCommand } from '../config/run-command.ts';
import { deploymentEnvironment } from '../config/environment.ts';
import { qualifiedSystemName } from '../domain/ids.ts';

const COMMAND = {
  usage: ['npm run -s system-sql [-- [PROJECT] [SYSTEM] [--role ROLE]]'],
  summary: [
    'Print the SQL that an administrator runs in each system: the schema lethe_system, and the grants for ROLE.',
    'Connects to no system and runs nothing.',
  ],
  positionals: { PROJECT: 'Only this project.', SYSTEM: 'Only this system of the project.' },
  options: { role: { type: 'string', value: 'ROLE', help: 'The role with which Lethe connects to the system.' } },
  variables: variablesOf('LETHE_CONFIG'),
  examples: ['npm run -s system-sql -- demo app --role lethe_deleter > lethe-system.sql'],
} as const;

/** Prints SQL. Connects to no system and runs nothing. */
async function main(): Promise<number> {
  const { values, positionals } = readCommandLine(COMMAND);
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
  if (printed.length === 0) throw new UsageError(COMMAND, 'no system to prepare: check PROJECT and SYSTEM');
  console.log(printed.join('\n'));
  return 0;
}

await runCommand(main);

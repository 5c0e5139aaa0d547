import { parseArgs } from 'node:util';
import { inspectAll } from '../config/inspect.ts';
import { type Holdings, countHoldings } from '../config/holdings.ts';
import { countConfigErrors, loadDeployment, readDeployment } from '../config/deployment.ts';
import { runCommand } from '../config/run-command.ts';
import { deploymentEnvironment } from '../config/environment.ts';
import type { ConfigError } from '../connectors/connector.ts';
import { type SubjectKind, SUBJECT_KINDS } from '../domain/vocabulary.ts';

const USAGE = `usage: npm run check [-- --project NAME]
         Check lethe.config.ts against every system and list every config error.
       npm run check -- --subject TYPE VALUE… [--project NAME] [--kind user|company]
         Count the rows that each system holds on a subject. VALUE is repeated for a composite identity.`;

/** Lists the config errors, or counts the rows of one subject. Prints no identity and no value of a row. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      subject: { type: 'boolean', default: false },
      project: { type: 'string' },
      kind: { type: 'string', default: 'user' },
    },
  });
  const [type, ...value] = positionals;
  const kind = SUBJECT_KINDS.find((known) => known === values.kind);
  const subject = type === undefined || value.length === 0 || kind === undefined ? null : { type, value, kind };
  if (values.subject ? subject === null : type !== undefined) {
    console.error(USAGE);
    return 2;
  }
  const environment = deploymentEnvironment();
  const deployment = readDeployment(await loadDeployment(environment.configPath));
  const names = values.project === undefined ? [...deployment.catalog.keys()] : [values.project];
  if (subject === null) return reportErrors(await inspectAll(deployment, names, environment.secret), names);

  for (const name of names)
    reportHoldings(
      name,
      subject.kind,
      await countHoldings(deployment, name, subject.kind, subject, environment.secret),
    );
  return 0;
}

function reportErrors(errors: readonly ConfigError[], projects: readonly string[]): number {
  for (const { path, message } of errors) console.error(`${path}: ${message}`);
  console.log(errors.length === 0 ? `no config errors in ${projects.join(', ')}` : countConfigErrors(errors));
  return errors.length === 0 ? 0 : 1;
}

function reportHoldings(project: string, kind: SubjectKind, { isKnown, subjects, systems }: Holdings): void {
  const found = isKnown
    ? `${subjects} ${kind} ${subjects === 1 ? 'subject' : 'subjects'}`
    : `the directory has no such ${kind}`;
  console.log(`${project}: ${found}`);
  for (const { system, tables } of systems) {
    const rows = Object.entries(tables).filter(([, count]) => count > 0);
    if (rows.length === 0) console.log(`  ${system}: nothing`);
    for (const [table, count] of rows) console.log(`  ${system}  ${table.padEnd(32)} ${String(count).padStart(9)}`);
  }
}

await runCommand(main);

import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { inspectSystems } from '../config/inspect.ts';
import { type Holdings, countHoldings } from '../config/report/holdings.ts';
import { DeploymentError, type ReadDeployment, loadDeployment, readDeployment } from '../config/deployment.ts';
import { runCommand } from '../config/run-command.ts';
import { deploymentEnvironment } from '../config/environment.ts';
import { formatReport, isReportFormat } from '../config/report/format.ts';
import { type Report, exitCodeOf } from '../config/report/report.ts';
import { sqlScript } from '../config/report/script.ts';
import { type SubjectKind, SUBJECT_KINDS } from '../domain/vocabulary.ts';

const USAGE = `usage: npm run check [-- --project NAME] [--system NAME] [--schema-only] [--format text|junit|sarif]
         Check the configuration against every system and list every config error.
         --schema-only  for a database that migrations have just created: needs no rows, no grants, no lethe_system
       npm run -s check -- --sql [--project NAME] [--system NAME] [--schema-only]
         Print the statements that correct config errors, as a script for psql.
       npm run check -- --subject TYPE VALUE… [--project NAME] [--kind user|company]
         Count the rows that each system holds on a subject. VALUE is repeated for a composite identity.
exit codes: 0 no config errors, 1 config errors, 2 the check could not run or could not inspect a system`;

/** Lists the config errors, or counts the rows of one subject. Prints no identity and no value of a row. */
async function main(): Promise<number> {
  const options = readArguments();
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  const { configPath, secret } = deploymentEnvironment();
  if (options.subject !== null) {
    const deployment = readDeployment(await loadDeployment(configPath));
    for (const name of projectsOf(deployment, options.project))
      reportHoldings(
        name,
        options.subject.kind,
        await countHoldings(deployment, name, options.subject.kind, options.subject, secret),
      );
    return 0;
  }
  const report = await createReport(configPath, secret, options);
  process.stdout.write(options.sql ? sqlScript(report) : formatReport(report, options.format));
  return exitCodeOf(report);
}

type Options = NonNullable<ReturnType<typeof readArguments>>;

/** Null when the arguments do not fit together. */
function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      subject: { type: 'boolean', default: false },
      project: { type: 'string' },
      system: { type: 'string' },
      kind: { type: 'string', default: 'user' },
      format: { type: 'string' },
      sql: { type: 'boolean', default: false },
      'schema-only': { type: 'boolean', default: false },
    },
  });
  const [type, ...value] = positionals;
  const kind = SUBJECT_KINDS.find((known) => known === values.kind);
  const subject = type === undefined || value.length === 0 || kind === undefined ? null : { type, value, kind };
  const { project, system, sql, format = 'text', 'schema-only': schemaOnly } = values;
  if (values.subject ? subject === null : type !== undefined) return null;
  if (!isReportFormat(format) || (sql && values.format !== undefined)) return null;
  return { project, system, format, sql, schemaOnly, subject: values.subject ? subject : null };
}

const projectsOf = (deployment: ReadDeployment, only: string | undefined): readonly string[] =>
  only === undefined ? [...deployment.catalog.keys()] : [only];

/** An invalid configuration is reported like the errors of a system. Its systems are not inspected. */
async function createReport(
  configPath: string,
  secret: ReturnType<typeof deploymentEnvironment>['secret'],
  { project, system, schemaOnly }: Options,
): Promise<Report> {
  const inside = relative('', configPath);
  const file = inside.startsWith('..') ? configPath : inside;
  const loaded = await loadDeployment(configPath);
  try {
    const deployment = readDeployment(loaded);
    const projects = projectsOf(deployment, project);
    const options = { schemaOnly, thorough: true, ...(system === undefined ? {} : { system }) };
    return { file, projects, errors: [], systems: await inspectSystems(deployment, projects, secret, options) };
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    return { file, projects: [], systems: [], errors: error.errors };
  }
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

await runCommand(main, { failure: 2 });

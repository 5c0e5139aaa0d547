import { relative } from 'node:path';
import { readCommandLine, UsageError } from '../config/command-line/command-line.ts';
import { NAMED_IN_CONFIG, variablesOf } from '../config/command-line/variables.ts';
import { inspectSystems } from '../config/inspect.ts';
import { type Holdings, countHoldings } from '../config/report/holdings.ts';
import { DeploymentError, type ReadDeployment, loadDeployment, readDeployment } from '../config/deployment.ts';
import { runCommand } from '../config/run-command.ts';
import { deploymentEnvironment } from '../config/environment.ts';
import { formatReport, isReportFormat } from '../config/report/format.ts';
import { type Report, exitCodeOf } from '../config/report/report.ts';
import { trySystem } from '../config/report/try-system.ts';
import { sqlScript } from '../config/report/script.ts';
import { type SubjectKind, SUBJECT_KINDS } from '../domain/vocabulary.ts';

const COMMAND = {
  usage: [
    'npm run check [-- --project NAME] [--system NAME] [--schema-only] [--format text|junit|sarif]',
    'npm run -s check -- --sql [--project NAME] [--system NAME] [--schema-only]',
    'npm run check -- --subject TYPE VALUE… [--project NAME] [--kind user|company]',
    'npm run check -- --try NAME [--project NAME] [--subject TYPE VALUE… [--kind user|company]]',
  ],
  summary: [
    'Check the configuration against every system and list every config error. With --sql: print the statements that',
    'correct them, as a script for psql. With --subject: count the rows that each system holds on a subject. With --try:',
    'call every verb of one system that changes nothing, for an identity that cannot exist, or for that of --subject.',
    'Exit codes: 0 no config errors, 1 config errors, 2 the check could not run or could not inspect a system.',
  ],
  positionals: { 'TYPE VALUE…': 'With --subject: an identity. VALUE is repeated for a composite identity.' },
  options: {
    project: { type: 'string', value: 'NAME', help: 'Only this project.' },
    system: { type: 'string', value: 'NAME', help: 'Only this system.' },
    format: { type: 'string', value: 'FORMAT', help: 'text, junit or sarif.' },
    'schema-only': {
      type: 'boolean',
      default: false,
      help: 'For a database that migrations have just created: needs no rows, no grants, no lethe_system.',
    },
    sql: { type: 'boolean', default: false, help: 'Print a script that corrects the config errors.' },
    subject: { type: 'boolean', default: false, help: 'Count the rows of one subject instead.' },
    try: { type: 'string', value: 'NAME', help: 'Call the harmless verbs of this system.' },
    kind: { type: 'string', default: 'user', value: 'KIND', help: 'With --subject: user or company.' },
  },
  variables: { ...variablesOf('LETHE_CONFIG'), ...NAMED_IN_CONFIG },
  examples: [
    'npm run check',
    'npm run -s check -- --sql > correct.sql',
    'npm run check -- --subject email ann@example.com',
    'npm run check -- --try mixpanel',
  ],
} as const;

/** Lists the config errors, or counts the rows of one subject. Prints no identity and no value of a row. */
async function main(): Promise<number> {
  const options = readArguments();
  const { configPath, secret } = deploymentEnvironment();
  if (options.try !== undefined) return tryNamed(options.try, options, configPath, secret);
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

type Options = ReturnType<typeof readArguments>;

function readArguments() {
  const { values, positionals } = readCommandLine(COMMAND);
  const [type, ...value] = positionals;
  const kind = SUBJECT_KINDS.find((known) => known === values.kind);
  const { project, system, sql, format = 'text', 'schema-only': schemaOnly } = values;
  if (kind === undefined) throw new UsageError(COMMAND, '--kind must be user or company');
  if (!isReportFormat(format)) throw new UsageError(COMMAND, '--format must be text, junit or sarif');
  if (sql && values.format !== undefined) throw new UsageError(COMMAND, '--sql and --format exclude each other');
  if (values.subject && (type === undefined || value.length === 0))
    throw new UsageError(COMMAND, '--subject needs TYPE and VALUE');
  if (!values.subject && type !== undefined) throw new UsageError(COMMAND, 'TYPE and VALUE need --subject');
  const subject = values.subject && type !== undefined ? { type, value, kind } : null;
  return { project, system, format, sql, schemaOnly, subject, try: values.try };
}

type Secret = ReturnType<typeof deploymentEnvironment>['secret'];

/** Tries the system in every project that has it. */
async function tryNamed(
  system: string,
  { project, subject }: Options,
  configPath: string,
  secret: Secret,
): Promise<number> {
  const deployment = readDeployment(await loadDeployment(configPath));
  const projects = projectsOf(deployment, project).filter(
    (name) => project !== undefined || deployment.definitions.get(name)?.has(system) === true,
  );
  if (projects.length === 0) throw new Error(`no project has a system ${system}; check the name after --try`);
  const given =
    subject === null ? null : { kind: subject.kind, identity: { type: subject.type, value: subject.value } };
  let code = 0;
  for (const name of projects)
    for (const { kind, verb, result, outcome } of await trySystem(deployment, name, system, given, secret)) {
      console.log(
        `${name}.${system}  ${kind.padEnd(7)}  ${verb.padEnd(6)}  ${outcome === 'fine' ? 'ok' : outcome}  ${result}`,
      );
      code = Math.max(code, { fine: 0, wrong: 1, away: 2 }[outcome]);
    }
  return code;
}

const projectsOf = (deployment: ReadDeployment, only: string | undefined): readonly string[] =>
  only === undefined ? [...deployment.catalog.keys()] : [only];

/** An invalid configuration is reported like the errors of a system. Its systems are not inspected. */
async function createReport(
  configPath: string,
  secret: Secret,
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
    if (tables === null) {
      console.log(`  ${system}: unknown, because the system cannot count`);
      continue;
    }
    const rows = Object.entries(tables).filter(([, count]) => count > 0);
    if (rows.length === 0) console.log(`  ${system}: nothing`);
    for (const [table, count] of rows) console.log(`  ${system}  ${table.padEnd(32)} ${String(count).padStart(9)}`);
  }
}

await runCommand(main, { failure: 2 });

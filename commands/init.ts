import { relative, resolve } from 'node:path';
import { readCommandLine, UsageError } from '../config/command-line/command-line.ts';
import { variablesOf } from '../config/command-line/variables.ts';
import { deploymentEnvironment } from '../config/environment.ts';
import { type InitResult, init } from '../config/init/init.ts';
import { runCommand } from '../config/run-command.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';

const COMMAND = {
  usage: [
    'npm run -s init -- --database URL|VARIABLE --table SCHEMA.TABLE [--kind user|company]',
    '                   [--project NAME] [--system NAME] [--out FILE] [--force]',
  ],
  summary: [
    'Propose a configuration file for a database, from its catalog and bounded samples. Prints no value of a row.',
    'Exit codes: 0 proposed, 1 check reports an error that no printed statement corrects, 2 wrong arguments.',
  ],
  options: {
    database: {
      type: 'string',
      value: 'URL|VARIABLE',
      help: 'The connection URL, or the name of an environment variable with it. The file only names a variable.',
    },
    table: { type: 'string', value: 'SCHEMA.TABLE', help: 'The table with one row per person or company.' },
    kind: { type: 'string', default: 'user', value: 'KIND', help: 'user or company.' },
    project: { type: 'string', value: 'NAME', help: 'The name of the project in the file.' },
    system: { type: 'string', value: 'NAME', help: 'The name of the system in the file.' },
    out: {
      type: 'string',
      value: 'FILE',
      help: 'The file; by default that of LETHE_CONFIG. An existing file stays: FILE.new is written, with a difference.',
    },
    force: { type: 'boolean', default: false, help: 'Replace the file. Entries that it has are kept.' },
  },
  variables: { ...variablesOf('LETHE_CONFIG'), 'the VARIABLE of --database': 'The connection URL of the database.' },
  examples: ['npm run -s init -- --database SHOP_DATABASE_URL --table app.users'],
} as const;

async function main(): Promise<number> {
  const { values } = readCommandLine(COMMAND);
  const kind = SUBJECT_KINDS.find((known) => known === values.kind);
  if (kind === undefined) throw new UsageError(COMMAND, '--kind must be user or company');
  const { configPath, secret } = deploymentEnvironment();
  const { database = null, table = null, project, system, out, force } = values;
  const file = out === undefined ? configPath : resolve(out);
  const names = { ...(project === undefined ? {} : { project }), ...(system === undefined ? {} : { system }) };
  const result = await init({ database, table, kind, names, file, force, secret });
  console.log(describe(result, file));
  return result.steps.errors.length === 0 ? 0 : 1;
}

function describe(result: InitResult, file: string): string {
  const { written, notice, difference, entries, ignored, steps, variable, place } = result;
  const name = relative('', file);
  const wrote =
    written === null
      ? `${name} covers the database: no difference`
      : `wrote ${relative('', written)}: ${entries} entries, ${ignored} ignored tables`;
  const config = written === null || written === file ? name : relative('', written);
  return [
    ...(notice === null ? [] : [`${name} exists and was not changed; it was not compared, because ${notice}`]),
    ...(difference === null || difference === '' ? [] : [difference, '']),
    wrote,
    ...section(
      `questions (DECIDE in ${config}):`,
      steps.questions.map((question) => `  ${question}`),
    ),
    ...section('statements for the database, for psql:', steps.statements),
    ...section('next steps:', [
      ...(written === null || written === file ? [] : [`  take what you want from ${config} into ${name}`]),
      `  set ${variable} to the URL of the database`,
      ...(steps.needsGrants
        ? [
            `  npm run -s system-sql -- ${place.project} ${place.system} --role ROLE > lethe-system.sql, and run that as an administrator`,
          ]
        : []),
      '  npm run check',
    ]),
    ...section(
      'check still has errors:',
      steps.errors.map((error) => `  ${error}`),
    ),
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines];

await runCommand(main);

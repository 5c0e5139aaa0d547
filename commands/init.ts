import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { deploymentEnvironment } from '../config/environment.ts';
import { type InitResult, init } from '../config/init/init.ts';
import { runCommand } from '../config/run-command.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';

const USAGE = `usage: npm run -s init -- --database URL|VARIABLE --table SCHEMA.TABLE [--kind user|company]
                       [--project NAME] [--system NAME] [--out FILE] [--force]
         Propose a configuration file for a database, from its catalog and bounded samples. Prints no value of a row.
         --database  the connection URL, or the name of an environment variable with it; the file only names a variable
         --table     the table with one row per person or company
         --out       default: LETHE_CONFIG or lethe.config.ts. An existing file stays: FILE.new is written instead, and
                     the difference is printed. Repeat the command after a change of the schema.
         --force     replace the file; entries that it has are kept
exit codes: 0 proposed, 1 check reports an error that no printed statement corrects, 2 wrong arguments`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    // An argument without a name could be a URL with a password, which the parser would print.
    allowPositionals: true,
    options: {
      database: { type: 'string' },
      table: { type: 'string' },
      kind: { type: 'string', default: 'user' },
      project: { type: 'string' },
      system: { type: 'string' },
      out: { type: 'string' },
      force: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const kind = SUBJECT_KINDS.find((known) => known === values.kind);
  if (values.help || kind === undefined || positionals.length > 0) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
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

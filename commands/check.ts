import { parseArgs } from 'node:util';
import { inspectAll } from '../config/inspect.ts';
import { type Holding, holdingsOf } from '../config/holdings.ts';
import { loadDeployment, readDeployment } from '../config/deployment.ts';
import { entryPoint } from '../config/entry-point.ts';
import { deploymentEnvironment } from '../config/environment.ts';
import { type SubjectKind, SUBJECT_KINDS } from '../domain/vocabulary.ts';

const USAGE = `usage: npm run check [-- --project NAME]
       npm run check -- --subject TYPE VALUE… [--project NAME] [--kind user|company]`;

/**
 * `npm run check`: reads the configuration, connects to every system and prints every error with its path.
 * `npm run check -- --subject email ann@x.test berlin [--project demo] [--kind company]`: what each system holds.
 * The identity asked for is the only one that is ever printed.
 */
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
  const asked = type === undefined || value.length === 0 || kind === undefined ? null : { type, value, kind };
  if (values.subject ? asked === null : type !== undefined) {
    console.error(USAGE);
    return 2;
  }
  const environment = deploymentEnvironment();
  const deployment = readDeployment(await loadDeployment(environment.configPath));
  const names = values.project === undefined ? [...deployment.catalog.keys()] : [values.project];
  if (asked === null) return reportErrors(await inspectAll(deployment, names, environment.secret), names);

  for (const name of names)
    reportHoldings(name, asked.kind, await holdingsOf(deployment, name, asked.kind, asked, environment.secret));
  return 0;
}

function reportErrors(errors: readonly { path: string; message: string }[], projects: readonly string[]): number {
  for (const { path, message } of errors) console.error(`${path}: ${message}`);
  console.log(errors.length === 0 ? `no mistake found in ${projects.join(', ')}` : `${errors.length} mistake(s)`);
  return errors.length === 0 ? 0 : 1;
}

function reportHoldings(project: string, kind: SubjectKind, { known, subjects, systems }: Holding): void {
  const found = known ? `${subjects} ${kind} subject(s)` : `no ${kind} that the directory knows`;
  console.log(`${project}: ${found}`);
  for (const { system, tables } of systems) {
    const rows = Object.entries(tables).filter(([, count]) => count > 0);
    if (rows.length === 0) console.log(`  ${system}: nothing`);
    for (const [table, count] of rows) console.log(`  ${system}  ${table.padEnd(32)} ${String(count).padStart(9)}`);
  }
}

await entryPoint(main);

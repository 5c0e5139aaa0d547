import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { type PostgresSettings, type Proposal, postgres, proposeDataMap } from '../../connectors/postgres/index.ts';
import type { ConfigError, EnvName } from '../../connectors/connector.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { DeploymentError, loadDeployment, readDeployment } from '../deployment.ts';
import { type SecretReader, inspectSystems } from '../inspect.ts';
import type { Deployment } from '../settings.ts';
import { unifiedDiff } from './diff.ts';
import { DEFAULT_POLICY, type Place, printFile, printSettings } from './file.ts';
import { type Merged, mergeProposal } from './merge.ts';
import { type NextSteps, nextSteps } from './next-steps.ts';
import { type Present, type PresentFile, readPresent } from './present.ts';

export interface InitOptions {
  /** A URL, or the name of a variable with one. Null: the variable of the present data map. */
  readonly database: string | null;
  /** Null: the table of the present data map. */
  readonly table: string | null;
  readonly kind: SubjectKind;
  readonly names: Partial<Place>;
  readonly file: string;
  readonly force: boolean;
  readonly secret: SecretReader;
}

export interface InitResult {
  readonly place: Place;
  readonly variable: string;
  /** The file that was written. Null when the present one needs no change. */
  readonly written: string | null;
  /** Why the present file is neither compared nor replaced. */
  readonly notice: string | null;
  /** Present data map and proposal in the unified format. Null without a present data map. */
  readonly difference: string | null;
  readonly entries: number;
  readonly ignored: number;
  readonly steps: NextSteps;
}

/** Proposes a data map, writes it to a file that does not exist yet, and checks it. */
export async function init(options: InitOptions): Promise<InitResult> {
  const { file, kind, names, force } = options;
  const state = await readPresent(file, names);
  const present = state.state === 'found' ? state.present : null;
  const { url, variable } = findDatabase(options, present);
  const place = present?.place ?? newPlace(names, url);
  const table = options.table ?? present?.settings.kinds[kind]?.table;
  if (table === undefined)
    throw new Error('--table is missing: the table with one row per person, such as --table app.users');
  requireReplaceable(state, options);

  const proposal = await proposeDataMap({ url, variable, table, kind });
  const merged: Merged =
    present === null
      ? { settings: proposal.settings, comments: proposal.notes.lines }
      : mergeProposal(present.settings, proposal, kind);
  const difference = present === null ? null : compare(present, merged, file);
  const written = difference === '' ? null : state.state === 'missing' || force ? file : `${file}.new`;
  if (written !== null)
    writeFileSync(
      written,
      printFile(place, merged.settings, merged.comments, present?.policy ?? DEFAULT_POLICY, NOTICE),
    );

  const secret: SecretReader = (name) => (name.env === merged.settings.url.env ? url : options.secret(name));
  // A file that has been read before stays in the cache of modules.
  const deployment =
    state.state === 'missing' ? await loadDeployment(file) : deploymentOf(place, merged.settings, present);
  const errors = await check(deployment, place, secret);
  return {
    place,
    variable: merged.settings.url.env,
    written,
    notice: state.state === 'other' ? state.reason : null,
    difference,
    entries: (merged.settings.kinds[kind]?.tables ?? []).length,
    ignored: (merged.settings.ignore ?? []).length,
    steps: nextSteps(merged.settings, merged.comments, indexed(proposal, merged, kind), errors),
  };
}

const NOTICE: readonly string[] = [
  'Proposed by `npm run init` from the catalog and samples of the database. Each comment says why, and how sure that is.',
  'Answer the comments that begin with DECIDE: the default changes or deletes no row of another person where it can.',
];

/** Statements name entries of the proposal. In a merged data map they have other places. */
function indexed({ statements, settings }: Proposal, merged: Merged, kind: SubjectKind): Pick<Proposal, 'statements'> {
  const entries = settings.kinds[kind]?.tables ?? [];
  const all = merged.settings.kinds[kind]?.tables ?? [];
  return {
    statements: statements.map((statement) => ({
      ...statement,
      settles: {
        ...statement.settles,
        path: statement.settles.path.replace(/(\.tables\.)(\d+)/, (_, key: string, index: string) => {
          const entry = entries[Number(index)];
          return `${key}${entry === undefined ? index : all.indexOf(entry)}`;
        }),
      },
    })),
  };
}

function findDatabase(
  { database, secret, names }: InitOptions,
  present: Present | null,
): { url: string; variable: EnvName } {
  if (database !== null && /^postgres(ql)?:\/\//.test(database)) {
    if (!URL.canParse(database))
      throw new Error('the value of --database is not a valid URL; write % as %25 and @ as %40 in the password');
    const name =
      present?.settings.url.env ??
      `${(names.project ?? newPlace(names, database).project).toUpperCase().replaceAll(/\W/g, '_')}_DATABASE_URL`;
    return { url: database, variable: { env: name } };
  }
  const name = database ?? present?.settings.url.env;
  if (name === undefined)
    throw new Error(
      '--database is missing: a URL such as postgres://role@host/database, or the name of a variable with one',
    );
  // What is no name could be a misspelled URL with a password.
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new Error('the value of --database is neither a URL that begins with postgres:// nor the name of a variable');
  return { url: secret({ env: name }), variable: { env: name } };
}

function newPlace({ project, system = 'app' }: Partial<Place>, url: string): Place {
  const database = URL.canParse(url) ? decodeURIComponent(new URL(url).pathname.slice(1)) : '';
  const name = database
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '_')
    .replace(/^[^a-z]+/, '')
    .slice(0, 41);
  return { project: project ?? (name === '' ? 'app' : name), system };
}

function requireReplaceable(state: PresentFile, { force, file }: InitOptions): void {
  if (!force || state.state === 'missing' || (state.state === 'found' && state.present.isAlone)) return;
  const why = state.state === 'found' ? 'it has other projects or systems' : state.reason;
  throw new Error(
    `--force would lose a part of ${relative('', file)}: ${why}. Nothing was written; run without --force.`,
  );
}

const compare = ({ settings }: Present, merged: Merged, file: string): string =>
  unifiedDiff(printSettings(settings, new Map()), printSettings(merged.settings, merged.comments), {
    before: `${relative('', file)} (data map)`,
    after: 'proposal',
  });

const deploymentOf = ({ project, system }: Place, settings: PostgresSettings, present: Present | null): Deployment => ({
  projects: {
    [project]: {
      policy: present?.policy ?? DEFAULT_POLICY,
      directory: system,
      systems: { [system]: postgres(settings) },
    },
  },
});

/** The errors of `npm run check` for this system. */
async function check(
  deployment: Deployment,
  { project, system }: Place,
  secret: SecretReader,
): Promise<readonly ConfigError[]> {
  try {
    const reports = await inspectSystems(readDeployment(deployment), [project], secret, { system, thorough: true });
    return reports.flatMap(({ errors }) => errors);
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    return error.errors;
  }
}

import type { PolicySettings } from '../settings.ts';
import type { PostgresSettings } from '../../connectors/postgres/index.ts';
import { Call, type Comments, type Printable, Source, printValue } from './print.ts';

/** The place of a data map in a configuration file. */
export interface Place {
  readonly project: string;
  readonly system: string;
}

export const DEFAULT_POLICY: PolicySettings = {
  gracePeriod: '14 days',
  settle: '24 hours',
  deadline: { gdpr: '30 days', ccpa: '45 days' },
};

/** The text of a configuration file with one project and one system. */
export function printFile(
  { project, system }: Place,
  settings: PostgresSettings,
  notes: Comments,
  policy: PolicySettings,
  notice: readonly string[],
): string {
  const prefix = `projects.${project}.systems.${system}`;
  const comments = new Map([...notes].map(([path, lines]) => [`${prefix}.${path}`, lines]));
  const deployment: Printable = {
    projects: {
      [project]: {
        policy: toPrintable(policy),
        directory: system,
        systems: { [system]: new Call('postgres', printableSettings(settings)) },
      },
    },
  };
  return [
    `import { defineDeployment, env, postgres } from 'lethe/config';`,
    '',
    ...notice.map((line) => `// ${line}`),
    `export default defineDeployment(${printValue(deployment, comments)});`,
    '',
  ].join('\n');
}

/** Only the data map, for comparisons. */
export const printSettings = (settings: PostgresSettings, comments: Comments): string =>
  printValue(printableSettings(settings), comments);

function printableSettings({ url, ...rest }: PostgresSettings): Printable {
  const name = printValue(url.env, new Map());
  return { url: new Source(`env(${name})`), ...(toPrintable(rest) as { [key: string]: Printable }) };
}

/** Settings consist of values that can be printed, except for keys that are absent. */
function toPrintable(value: unknown): Printable {
  if (Array.isArray(value)) return value.map(toPrintable);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      inOrder(Object.entries(value)).flatMap(([key, item]) => (item === undefined ? [] : [[key, toPrintable(item)]])),
    );
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

/** The order of keys in a file. Other keys, such as names of columns, keep theirs. */
const ORDER: readonly string[] = [
  'table',
  'about',
  'columns',
  'key',
  'column',
  'subject',
  'via',
  'referencedBy',
  'sharedWith',
  'where',
  'identities',
  'aliases',
  'softDelete',
  'time',
  'retain',
  'detach',
  'anonymise',
  'export',
  'sources',
  'omit',
  'approve',
  'triggers',
  'rules',
  'inheritors',
  'onDelete',
  'tables',
  'user',
  'company',
  'pace',
  'kinds',
  'segments',
  'materializedViews',
  'ignore',
];

/** Two data maps that say the same are printed alike. */
function inOrder(entries: readonly [string, unknown][]): readonly [string, unknown][] {
  const rank = (key: string): number => ORDER.indexOf(key);
  const known = entries.filter(([key]) => rank(key) >= 0).toSorted(([a], [b]) => rank(a) - rank(b));
  return [...known, ...entries.filter(([key]) => rank(key) < 0)];
}

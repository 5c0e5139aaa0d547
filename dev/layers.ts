import type { OxlintOverride } from 'oxlint';

/** What the files of a layer may import. Whatever is not named is refused, another layer as well as a package. */
interface Layer {
  files: string[];
  layers: string[];
  /** Layers of which only types may be imported. */
  typesOf?: string[];
  packages: string[];
  /** The only file of a layer in `layers` that may be imported by value. */
  onlyFile?: { layer: string; file: string };
}

const FOLDERS = [
  'activities',
  'api',
  'archives',
  'bench',
  'client',
  'config',
  'connectors',
  'db',
  'dev',
  'domain',
  'outbound',
  'test',
  'web',
  'workflows',
];
const ENTRY_POINTS = String.raw`^(\./)?(\.\./)+(worker|commands/.*|lethe\.config)\.ts$`;
const NODE = 'node:*';

/** Arrows run down: facts about who may know whom live here and nowhere else. */
const LAYERS: Layer[] = [
  { files: ['domain/**'], layers: [], packages: [] },
  // Several layers judge addresses, and the registries of special ones are long.
  { files: ['domain/address.ts'], layers: [], packages: ['ipaddr.js'] },
  {
    files: ['workflows/**'],
    layers: ['domain'],
    typesOf: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  {
    files: ['activities/**'],
    layers: ['domain', 'db', 'connectors', 'archives', 'outbound'],
    packages: ['@temporalio/activity', '@temporalio/common', NODE],
  },
  {
    files: ['archives/**'],
    layers: ['domain'],
    typesOf: ['connectors'],
    packages: ['yazl', 'age-encryption', '@aws-sdk/**', NODE],
  },
  {
    files: ['outbound/**'],
    layers: ['domain'],
    packages: ['nodemailer', 'standardwebhooks', NODE],
  },
  { files: ['connectors/**'], layers: ['domain'], packages: ['zod', NODE] },
  { files: ['connectors/postgres/**'], layers: ['domain'], packages: ['zod', 'pg', 'pg-copy-streams', NODE] },
  { files: ['db/**'], layers: ['domain'], packages: ['postgres', 'drizzle-orm', 'drizzle-orm/**', NODE] },
  {
    files: ['api/**'],
    layers: ['domain', 'db', 'workflows', 'archives'],
    onlyFile: { layer: 'workflows', file: 'shared/messages.ts' },
    packages: [
      'hono',
      'hono/**',
      '@hono/**',
      'zod',
      'pino',
      'prom-client',
      'csv-parse',
      'csv-stringify/**',
      '@fastify/busboy',
      '@temporalio/client',
      '@temporalio/common',
      NODE,
    ],
  },
  {
    files: ['api/server.ts'],
    layers: ['domain', 'db', 'workflows', 'config', 'archives'],
    onlyFile: { layer: 'workflows', file: 'shared/messages.ts' },
    packages: ['hono', 'hono/**', '@hono/**', 'zod', 'pino', '@temporalio/client', '@temporalio/common', NODE],
  },
  // It runs at a caller's: only what every Node and every browser has.
  { files: ['client/**'], layers: [], packages: [] },
  { files: ['config/**'], layers: ['domain', 'connectors'], packages: ['zod', NODE] },
  { files: ['config/environment.ts'], layers: [], packages: ['zod', NODE] },
];

interface Pattern {
  regex?: string;
  group?: string[];
  message: string;
  allowTypeImports?: boolean;
}

/** A group that lets a path through lets it through all groups: one for packages, and expressions, before it, for folders. */
function patterns({ layers, typesOf = [], packages, onlyFile, files }: Layer): Pattern[] {
  const who = files.join(', ');
  const folder = (names: string[]): string => String.raw`^(\./)?(\.\./)+(${names.join('|')})(/|$)`;
  const closed = FOLDERS.filter((name) => !layers.includes(name) && !typesOf.includes(name) && !isHome(name, files));
  return [
    { regex: folder(closed), message: `${who} may not know this folder: see dev/layers.ts.` },
    { regex: ENTRY_POINTS, message: 'An entry point is started, never imported.' },
    ...(typesOf.length === 0
      ? []
      : [{ regex: folder(typesOf), message: `${who} may import only types from here.`, allowTypeImports: true }]),
    ...(onlyFile === undefined
      ? []
      : [
          {
            regex: String.raw`^(\./)?(\.\./)+${onlyFile.layer}/(${otherThan(onlyFile.file)})`,
            message: `${who} may import only types and ${onlyFile.file} from here.`,
            allowTypeImports: true,
          },
        ]),
    {
      group: ['*', '**/*', '!./**', '!../**', ...packages.flatMap(allowed)],
      message: `${who} may import from packages only: ${packages.join(', ') || 'none'}.`,
    },
  ];
}

const isHome = (name: string, files: string[]): boolean => files.some((glob) => glob.startsWith(`${name}/`));

/** The linter's expressions know no look-ahead: a name is another one if some character of it differs. */
function otherThan(name: string): string {
  const literal = (text: string): string => text.replaceAll('.', String.raw`\.`);
  const differs = name.split('').map((char, index) => `${literal(name.slice(0, index))}[^${char}]`);
  return [...differs, `${literal(name)}.+`].join('|');
}

/** Patterns read like .gitignore: a scope has to be let through before a package in it. */
function allowed(name: string): string[] {
  if (name === NODE) return ['!node:*', '!node:*/**'];
  const scope = name.startsWith('@') ? [`!${name.slice(0, name.indexOf('/'))}`] : [];
  return [...scope, `!${name}`];
}

export const layerFences: OxlintOverride[] = LAYERS.map((layer) => ({
  files: layer.files,
  rules: { 'no-restricted-imports': ['error', { patterns: patterns(layer) }] },
}));

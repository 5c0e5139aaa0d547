import type { OxlintOverride } from 'oxlint';

/** The imports that the files of a layer may use. All other layers and packages are rejected. */
interface Layer {
  files: string[];
  layers: string[];
  /** Layers from which only types may be imported. */
  typesOf?: string[];
  packages: string[];
  /** In this layer of `layers`, only this file may be imported by value. */
  onlyFile?: { layer: string; file: string };
}

const FOLDERS = [
  'activities',
  'api',
  'archives',
  'client',
  'config',
  'connectors',
  'db',
  'dev',
  'domain',
  'outbound',
  'test',
  'workflows',
];
const ENTRY_POINTS = String.raw`^(\./)?(\.\./)+(worker|commands/.*|lethe\.config)\.ts$`;
const NODE = 'node:*';

/** The only definition of the dependencies between layers. */
const LAYERS: Layer[] = [
  { files: ['domain/**'], layers: [], packages: [] },
  // Several layers check addresses, and the registries of special-purpose addresses are long.
  { files: ['domain/network/{address,network}.ts'], layers: [], packages: ['ipaddr.js'] },
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
    packages: ['age-encryption', '@aws-sdk/**', NODE],
  },
  {
    files: ['outbound/**'],
    layers: ['domain'],
    packages: ['nodemailer', 'standardwebhooks', NODE],
  },
  { files: ['connectors/**'], layers: ['domain'], packages: ['zod', NODE] },
  {
    files: ['connectors/http/**'],
    layers: ['domain', 'outbound'],
    onlyFile: { layer: 'outbound', file: 'guard.ts' },
    packages: ['zod', 'undici', 'openid-client', 'jose', NODE],
  },
  {
    files: ['connectors/files/**'],
    layers: ['domain', 'archives'],
    onlyFile: { layer: 'archives', file: 'storage/s3-client.ts' },
    packages: ['zod', '@aws-sdk/**', NODE],
  },
  { files: ['connectors/postgres/**'], layers: ['domain'], packages: ['zod', 'pg', 'pg-copy-streams', NODE] },
  { files: ['connectors/mariadb/**'], layers: ['domain'], packages: ['zod', 'mysql2', 'mysql2/**', NODE] },
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
      'csv-parse/sync',
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
  // The client runs in the caller's environment, so it has no dependencies.
  { files: ['client/**'], layers: [], packages: [] },
  { files: ['config/**'], layers: ['domain', 'connectors'], packages: ['zod', NODE] },
  { files: ['config/environment.ts'], layers: ['domain'], packages: ['zod', NODE] },
];

interface Pattern {
  regex?: string;
  group?: string[];
  message: string;
  allowTypeImports?: boolean;
}

/** A path that one group allows passes all groups, so folders use regular expressions and packages share one group. */
function patterns({ layers, typesOf = [], packages, onlyFile, files }: Layer): Pattern[] {
  const subject = files.join(', ');
  const folder = (names: string[]): string => String.raw`^(\./)?(\.\./)+(${names.join('|')})(/|$)`;
  const forbidden = FOLDERS.filter(
    (name) => !layers.includes(name) && !typesOf.includes(name) && !isOwnFolder(name, files),
  );
  return [
    { regex: folder(forbidden), message: `${subject} may not import this folder. See dev/layers.ts.` },
    { regex: ENTRY_POINTS, message: 'Entry points may not be imported.' },
    ...(typesOf.length === 0
      ? []
      : [{ regex: folder(typesOf), message: `${subject} may import only types from here.`, allowTypeImports: true }]),
    ...(onlyFile === undefined
      ? []
      : [
          {
            regex: String.raw`^(\./)?(\.\./)+${onlyFile.layer}/(${exceptName(onlyFile.file)})`,
            message: `${subject} may import only types and ${onlyFile.file} from here.`,
            allowTypeImports: true,
          },
        ]),
    {
      group: ['*', '**/*', '!./**', '!../**', ...packages.flatMap(allowPackage)],
      message: `${subject} may import from packages only: ${packages.join(', ') || 'none'}.`,
    },
  ];
}

const isOwnFolder = (name: string, files: string[]): boolean => files.some((glob) => glob.startsWith(`${name}/`));

/** Matches any other name. The linter's regular expressions have no lookahead, so each character is compared. */
function exceptName(name: string): string {
  const literal = (text: string): string => text.replaceAll('.', String.raw`\.`);
  const differs = name.split('').map((char, index) => `${literal(name.slice(0, index))}[^${char}]`);
  return [...differs, `${literal(name)}.+`].join('|');
}

/** Patterns work like .gitignore: a scope must be allowed before a package in it. */
function allowPackage(name: string): string[] {
  if (name === NODE) return ['!node:*', '!node:*/**'];
  const scope = name.startsWith('@') ? [`!${name.slice(0, name.indexOf('/'))}`] : [];
  return [...scope, `!${name}`];
}

export const layerOverrides: OxlintOverride[] = LAYERS.map((layer) => ({
  files: layer.files,
  rules: { 'no-restricted-imports': ['error', { patterns: patterns(layer) }] },
}));

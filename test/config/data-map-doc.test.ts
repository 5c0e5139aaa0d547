import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDeployment, readDeployment } from '../../config/deployment.ts';
import { inspectAll } from '../../config/inspect.ts';
import { createDatabase } from '../support/servers/postgres.ts';

/** The snippets of a page. The word after `ts` says which keys a snippet has. */
interface Snippet {
  readonly heading: string;
  readonly language: string;
  readonly part: string;
  readonly text: string;
}

const root = resolve('.');
const folder = mkdtempSync(join(tmpdir(), 'lethe-data-map-'));
mkdirSync(join(folder, 'shop'));
afterAll(() => rmSync(folder, { recursive: true }));

const snippets = ['docs/data-map.md', ...globSync('docs/connectors/*.md').toSorted()].flatMap((page) =>
  readSnippets(readFileSync(page, 'utf8')),
);
const configurations = snippets
  .filter(({ language }) => language === 'ts')
  .map((snippet, index) => ({ ...snippet, path: join(folder, 'shop', `${index}.config.ts`) }));
const recipes = configurations.flatMap((configuration) => {
  const sql = snippets.find(({ heading, language }) => language === 'sql' && heading === configuration.heading);
  return sql === undefined ? [] : [{ heading: configuration.heading, path: configuration.path, sql: sql.text }];
});

beforeAll(() => {
  for (const { path, part, text } of configurations) writeFileSync(path, completeFile(part, text));
});

test('accepts the types of every snippet', async () => {
  const tsconfig = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { typeRoots: [join(root, 'node_modules/@types')] },
    include: [join(folder, 'shop/*.ts')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const args = ['node_modules/typescript/bin/tsc', '--noEmit', '-p', folder];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(stdout).toBe('');
});

test.each(configurations)('finds no config errors in the snippet under "$heading" ($part)', async ({ path }) => {
  const { catalog } = readDeployment(await loadDeployment(path));
  expect([...catalog.keys()]).toEqual(['shop']);
});

test.each(recipes)('finds no config errors in the database of the recipe "$heading"', async ({ path, sql }) => {
  const { url } = await createDatabase();
  const deployment = readDeployment(await loadDeployment(path));
  const setup = deployment.definitions.get('shop')?.get('app')?.setupSql?.({ system: 'shop/app' }) ?? '';
  const database = postgres(url, { max: 1, onnotice: () => {} });
  await database.unsafe(`CREATE SCHEMA app; ${sql}`);
  await database.unsafe(setup);
  await database.end();
  expect(await inspectAll(deployment, ['shop'], () => url)).toEqual([]);
});

test('has a recipe for every section under "Recipes"', () => {
  const [, section = ''] = readFileSync('docs/data-map.md', 'utf8').split('\n## Recipes\n');
  const headings = [...section.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
  expect(recipes.map(({ heading }) => heading)).toEqual(headings);
});

function readSnippets(page: string): Snippet[] {
  return [...page.matchAll(/^#+ (.+)$|^```(\w+) ?(\w*)\n([^]*?)^```$/gm)].reduce<{ heading: string; found: Snippet[] }>(
    ({ heading, found }, [, title, language, part = '', text = '']) =>
      language === undefined
        ? { heading: title ?? '', found }
        : { heading, found: [...found, { heading, language, part, text }] },
    { heading: '', found: [] },
  ).found;
}

/** Adds the required keys around a snippet. */
function completeFile(part: string, text: string): string {
  const file = part === '' ? text : `${IMPORTS}${wrap(part, text)}`;
  return file.replaceAll("from './", `from '${root}/`);
}

const IMPORTS = `import { defineDeployment, env, files, manual, mariadb, postgres } from './config/index.ts';
`;
const USER = `table: 'app.users', key: 'user_id',
  identities: { email: { columns: ['email', 'business_unit'], match: 'caseInsensitive' } }`;

function wrap(part: string, text: string): string {
  switch (part) {
    case 'table':
      return wrap('kind', `${USER}, tables: [${text}],`);
    case 'kind':
      return wrap('kinds', `user: {${text}},`);
    case 'kinds':
      return wrap('system', `kinds: {${text}},`);
    case 'system': {
      const kinds = text.includes('kinds:') ? '' : `kinds: { user: { ${USER} } },`;
      return wrap(
        'project',
        `directory: 'app', systems: { app: postgres({ url: env('APP_DATABASE_URL'), ${kinds}${text} }) },`,
      );
    }
    case 'policy':
      return deploymentOf(`policy: {${text}}, directory: 'app',
        systems: { app: postgres({ url: env('APP_DATABASE_URL'), kinds: { user: { ${USER} } } }) },`);
    case 'project':
      return deploymentOf(`policy: { deadline: { gdpr: '30 days' } }, ${text}`);
    default:
      throw new Error(`docs/data-map.md or a page of a connector has a snippet of an unknown part: ${part}`);
  }
}

function deploymentOf(project: string): string {
  return `import { defineDeployment as define } from './config/deployment.ts';
export default define({ projects: { shop: {${project}} } });
void defineDeployment; void env; void files; void manual; void mariadb; void postgres;
`;
}

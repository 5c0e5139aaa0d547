import { readFile, writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { openStorage } from '../archives/storage/open.ts';
import { createApp } from '../api/app.ts';
import { problemsPage } from '../api/http/problems.ts';
import type { OpenApi } from '../api/openapi/shape.ts';
import type { Orchestrator } from '../api/temporal/orchestrator.ts';
import { readCommandLine } from '../config/command-line/command-line.ts';
import { runCommand } from '../config/run-command.ts';
import { connect } from '../db/client.ts';
import { createDigestKeys } from '../db/digests.ts';
import { clientOperations } from '../dev/client-operations.ts';

const COMMAND = {
  usage: ['npm run document [-- --check]'],
  summary: ['Generate docs/openapi.json, client/operations.ts and docs/problems.md from the routes.'],
  options: { check: { type: 'boolean', default: false, help: 'Only list stale files. Exit code 1 if one is stale.' } },
  variables: {},
  examples: ['npm run document'],
} as const;

/** Generates docs/openapi.json from the routes, and client/operations.ts from it. `--check` only lists stale files. */
async function main(): Promise<number> {
  const { values } = readCommandLine(COMMAND);
  const document = await servedDocument();
  const files: readonly (readonly [string, string])[] = [
    ['docs/openapi.json', `${JSON.stringify(document, null, 2)}\n`],
    ['client/operations.ts', await clientOperations(document)],
    ['docs/problems.md', problemsPage()],
  ];
  const stale = await Promise.all(files.map(async ([path, text]) => ((await readText(path)) === text ? [] : [path])));
  if (!values.check) await Promise.all(files.map(([path, text]) => writeFile(inRepository(path), text)));
  for (const path of stale.flat())
    console.log(values.check ? `${path} is stale. Run npm run document.` : `wrote ${path}`);
  return values.check && stale.flat().length > 0 ? 1 : 0;
}

/** The document depends on no deployment, so the app has no project and no connection. */
async function servedDocument(): Promise<OpenApi> {
  const app = createApp({
    database: connect('postgres://unused'),
    keys: createDigestKeys([{ id: 'unused', key: Buffer.alloc(32) }]),
    catalog: new Map(),
    orchestrator: UNUSED_ORCHESTRATOR,
    now: () => new Date(),
    storage: await openStorage(new URL('file:///unused')),
    publicUrl: new URL('https://lethe.example'),
    logger: pino({ level: 'silent' }),
  });
  const response = await app.request('/openapi.json');
  return (await response.json()) as OpenApi;
}

const UNUSED_ORCHESTRATOR: Orchestrator = {
  start: async () => undefined,
  startSuppression: async () => undefined,
  signalRequests: async () => undefined,
  signalConfirmed: async () => undefined,
  startNotifications: async () => undefined,
  watchSystem: async () => undefined,
  readProgress: async () => null,
  isReachable: async () => false,
};

const inRepository = (path: string): URL => new URL(`../${path}`, import.meta.url);
const readText = (path: string): Promise<string | null> => readFile(inRepository(path), 'utf8').catch(() => null);

await runCommand(main);

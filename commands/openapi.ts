import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { openStorage } from '../archives/storage/open.ts';
import { createApp } from '../api/app.ts';
import type { OpenApi } from '../api/openapi/shape.ts';
import type { Orchestrator } from '../api/temporal/orchestrator.ts';
import { entryPoint } from '../config/entry-point.ts';
import { connect } from '../db/client.ts';
import { digestKeys } from '../db/digests.ts';
import { clientOperations } from '../dev/client-operations.ts';

/**
 * `npm run document` writes what follows from the routes: docs/openapi.json, and client/operations.ts from it.
 * `npm run document -- --check` writes nothing, and names each file that is not what it should be.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const document = await servedDocument();
  const files: readonly (readonly [string, string])[] = [
    ['docs/openapi.json', `${JSON.stringify(document, null, 2)}\n`],
    ['client/operations.ts', await clientOperations(document)],
  ];
  const stale = await Promise.all(files.map(async ([path, text]) => ((await textOf(path)) === text ? [] : [path])));
  if (!values.check) await Promise.all(files.map(([path, text]) => writeFile(at(path), text)));
  for (const path of stale.flat())
    console.log(values.check ? `${path} is not what the routes say: npm run document` : `${path} is written anew`);
  return values.check && stale.flat().length > 0 ? 1 : 0;
}

/** Of an API that nobody calls: the document depends on no deployment. */
async function servedDocument(): Promise<OpenApi> {
  const app = createApp({
    database: connect('postgres://nowhere'),
    keys: digestKeys([{ id: 'none', key: Buffer.alloc(32) }]),
    catalog: new Map(),
    orchestrator: NOBODY,
    now: () => new Date(),
    storage: await openStorage(new URL('file:///nowhere')),
    publicUrl: new URL('https://lethe.example'),
    logger: pino({ level: 'silent' }),
  });
  const answer = await app.request('/openapi.json');
  return (await answer.json()) as OpenApi;
}

const NOBODY: Orchestrator = {
  start: async () => undefined,
  startSuppression: async () => undefined,
  wake: async () => undefined,
  startNotifications: async () => undefined,
  progress: async () => null,
  reachable: async () => false,
};

const at = (path: string): URL => new URL(`../${path}`, import.meta.url);
const textOf = (path: string): Promise<string | null> => readFile(at(path), 'utf8').catch(() => null);

await entryPoint(main);

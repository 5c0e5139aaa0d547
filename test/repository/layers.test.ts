import { expect, test } from 'vitest';
import { lint } from './lint.ts';

/** Imports that the linter must reject. */
const REFUSED: [file: string, line: string][] = [
  ['workflows/a.ts', `import { resolveSubjects } from '../activities/resolve.ts';`],
  ['workflows/b.ts', `import { type Activities } from '../activities/index.ts';`],
  ['workflows/c.ts', `export * from '../activities/index.ts';`],
  ['workflows/d.ts', `import { createHmac } from 'node:crypto';`],
  ['workflows/e.ts', `import { readFile } from 'node:fs/promises';`],
  ['workflows/f.ts', `import { connect } from '../db/client.ts';`],
  ['workflows/g.ts', `import type { Database } from '../db/client.ts';`],
  ['workflows/h.ts', `import { z } from 'zod';`],
  ['workflows/i.ts', `import { environment } from '../config/environment.ts';`],
  ['workflows/j.ts', `import { Client } from '@temporalio/client';`],
  ['workflows/k.ts', `import { app } from '../api/app.ts';`],
  ['workflows/deep/l.ts', `import { connect } from '../../db/client.ts';`],
  ['workflows/m.ts', `export const load = () => import('../activities/index.ts');`],
  ['workflows/n.ts', `export const key = () => crypto.randomUUID();`],
  ['workflows/o.ts', `export const home = () => process.env['HOME'];`],
  ['workflows/p.ts', `import { startPostgres } from '../dev/embedded/postgres/postgres.ts';`],
  ['domain/a.ts', `import { z } from 'zod';`],
  ['domain/b.ts', `import { createHmac } from 'node:crypto';`],
  ['domain/calendar.ts', `import ipaddr from 'ipaddr.js';`],
  ['domain/network/address.ts', `import { z } from 'zod';`],
  ['domain/c.ts', `import type { Connector } from '../connectors/connector.ts';`],
  ['activities/a.ts', `import { app } from '../api/app.ts';`],
  ['activities/b.ts', `import { requestChangedSignal } from '../workflows/shared/messages.ts';`],
  ['activities/c.ts', `import { environment } from '../config/environment.ts';`],
  ['activities/d.ts', `import pg from 'pg';`],
  ['connectors/a.ts', `import { connect } from '../db/client.ts';`],
  ['connectors/b.ts', `import pg from 'pg';`],
  ['connectors/postgres/c.ts', `import { connect } from '../../db/client.ts';`],
  ['connectors/postgres/d.ts', `import postgres from 'postgres';`],
  ['db/a.ts', `import { createActivities } from '../activities/index.ts';`],
  ['db/b.ts', `import type { Connector } from '../connectors/connector.ts';`],
  ['db/c.ts', `import pg from 'pg';`],
  ['api/a.ts', `import { postgres } from '../connectors/postgres/index.ts';`],
  ['api/b.ts', `import { createActivities } from '../activities/index.ts';`],
  ['api/c.ts', `import { fulfillDeletion } from '../workflows/deletion/workflow.ts';`],
  ['api/v1/d.ts', `import { fulfillDeletion } from '../../workflows/deletion/workflow.ts';`],
  ['api/e.ts', `import { Worker } from '@temporalio/worker';`],
  ['config/a.ts', `import { connect } from '../db/client.ts';`],
  ['config/b.ts', `import { start } from '../worker.ts';`],
  ['config/environment.ts', `import { postgres } from '../connectors/postgres/index.ts';`],
];

const ALLOWED: [file: string, line: string][] = [
  ['workflows/a.ts', `import type { Activities } from '../activities/index.ts';`],
  ['workflows/b.ts', `import { sleep } from '@temporalio/workflow';`],
  ['workflows/c.ts', `import { ApplicationFailure } from '@temporalio/common';`],
  ['workflows/deep/d.ts', `import { ROLES } from '../../domain/vocabulary.ts';`],
  ['workflows/e.ts', `import { requestChangedSignal } from './messages.ts';`],
  ['domain/a.ts', `import { DAY_MS } from './calendar.ts';`],
  ['domain/network/address.ts', `import ipaddr from 'ipaddr.js';`],
  ['activities/a.ts', `import { Context } from '@temporalio/activity';`],
  ['activities/b.ts', `import { connect } from '../db/client.ts';`],
  ['activities/c.ts', `import type { Connector } from '../connectors/connector.ts';`],
  ['connectors/a.ts', `import { DAY_MS } from '../domain/calendar.ts';`],
  ['connectors/postgres/b.ts', `import { from } from 'pg-copy-streams';`],
  ['connectors/postgres/c.ts', `import { DAY_MS } from '../../domain/calendar.ts';`],
  ['connectors/postgres/d.ts', `import { pipeline } from 'node:stream/promises';`],
  ['db/a.ts', `import postgres from 'postgres';`],
  ['api/a.ts', `import { requestChangedSignal } from '../workflows/shared/messages.ts';`],
  ['api/v1/b.ts', `import { requestChangedSignal } from '../../workflows/shared/messages.ts';`],
  ['api/c.ts', `import type { fulfillDeletion } from '../workflows/deletion/workflow.ts';`],
  ['api/d.ts', `import { bearerAuth } from 'hono/bearer-auth';`],
  ['api/server.ts', `import { environment } from '../config/environment.ts';`],
  ['config/deployment.ts', `import type { Connector } from '../connectors/connector.ts';`],
  ['worker.ts', `import { createActivities } from './activities/index.ts';`],
  ['test/a.ts', `import { createActivities } from '../activities/index.ts';`],
];

/** Only these rules count, because the snippets import files that do not exist. */
const LAYER_RULES = ['no-restricted-imports', 'no-restricted-globals', 'no-import-type-side-effects'];
const countViolations = (lines: [string, string][]): Map<string, number> => {
  const found = lint(Object.fromEntries(lines.map(([file, line]) => [file, `${line}\n`])));
  const isLayerRule = ({ code }: { code: string }): boolean => LAYER_RULES.some((rule) => code.includes(rule));
  return new Map([...found].map(([file, diagnostics]) => [file, diagnostics.filter(isLayerRule).length]));
};
const refused = countViolations(REFUSED);
const allowed = countViolations(ALLOWED);

test.each(REFUSED)('rejects in %s the line %s', (file) => {
  expect(refused.get(file)).toBe(1);
});

test.each(ALLOWED)('accepts in %s the line %s', (file) => {
  expect(allowed.get(file)).toBe(0);
});

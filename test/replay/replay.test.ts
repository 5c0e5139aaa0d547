import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeterminismViolationError } from '@temporalio/workflow';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workflowBundle } from '../support/run/workflow-bundle.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = new URL('./histories/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ''));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));

Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) });
const bundled = (workflowsPath: string) => bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });

/** A bundle of the workflow code with one change. The copy lies inside the project, so that packages resolve. */
async function bundleWithChange(file: string, from: string, to: string): Promise<WorkflowBundleWithSourceMap> {
  const copy = mkdtempSync(join(root, '.lethe-replay-'));
  try {
    for (const part of ['workflows', 'domain']) cpSync(join(root, part), join(copy, part), { recursive: true });
    const source = readFileSync(join(copy, file), 'utf8');
    expect(source).toContain(from);
    writeFileSync(join(copy, file), source.replace(from, to));
    return await bundled(join(copy, 'workflows/index.ts'));
  } finally {
    rmSync(copy, { recursive: true });
  }
}

let bundle: { readonly codePath: string };
beforeAll(async () => {
  bundle = await workflowBundle();
});

describe('current workflow code', () => {
  test.each(names)('replays %s', async (name) => {
    await expect(
      Worker.runReplayHistory({ workflowBundle: bundle, replayName: name }, read(name)),
    ).resolves.toBeUndefined();
  });
});

test.each([
  ['deletion-complete', 'completed'],
  ['deletion-cancelled', 'cancelled'],
])('records the final status of %s in the search attribute LetheStatus', (name, status) => {
  const text = JSON.stringify(read(name));
  const statuses = [...text.matchAll(/"LetheStatus":\{.*?"data":"([^"]+)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString(),
  );
  expect(statuses.at(-1)).toBe(JSON.stringify(status));
});

describe('changed workflow code', () => {
  const deletions = ['deletion-mid-timer', 'deletion-complete', 'deletion-cancelled', 'deletion-after-continue-as-new'];
  let changed: WorkflowBundleWithSourceMap;
  beforeAll(async () => {
    changed = await bundleWithChange(
      'workflows/deletion/workflow.ts',
      'const publish = publishProgress(',
      'await ledger.readRequest({ requestId }); const publish = publishProgress(',
    );
  });
  test.each(deletions)('fails for %s when the code schedules one more activity', async (name) => {
    await expect(Worker.runReplayHistory({ workflowBundle: changed, replayName: name }, read(name))).rejects.toThrow(
      DeterminismViolationError,
    );
  });
  test.each(['export-ready', 'export-expired'])(
    'fails for %s when the code schedules one activity less',
    async (name) => {
      const less = await bundleWithChange(
        'workflows/export/steps.ts',
        'if (await cleanUpSystems(request))\n    await withAttention',
        'await withAttention',
      );
      await expect(Worker.runReplayHistory({ workflowBundle: less, replayName: name }, read(name))).rejects.toThrow(
        DeterminismViolationError,
      );
    },
  );
});

afterAll(() => {
  for (const left of readdirSync(root)) {
    if (left.startsWith('.lethe-replay-')) rmSync(join(root, left), { recursive: true });
  }
});

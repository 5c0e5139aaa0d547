import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { inject } from 'vitest';
import { installOnce } from '../../../dev/embedded/install-once.ts';

const WORKFLOWS = fileURLToPath(new URL('../../../workflows/index.ts', import.meta.url));

/** The first test file that needs the bundle creates it; the other files of the run reuse it. */
export async function workflowBundle(): Promise<{ readonly codePath: string }> {
  const folder = join(inject('runFolder'), 'workflow-bundle');
  await installOnce(folder, async (temporary) => {
    const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger: new DefaultLogger('ERROR') });
    mkdirSync(temporary);
    writeFileSync(join(temporary, 'workflows.js'), code);
  });
  return { codePath: join(folder, 'workflows.js') };
}

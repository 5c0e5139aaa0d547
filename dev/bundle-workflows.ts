import { resolve } from 'node:path';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';

/** The second fence beside the linter's: what a workflow cannot run breaks the bundle. */
const { code } = await bundleWorkflowCode({
  workflowsPath: resolve(import.meta.dirname, '../workflows/index.ts'),
  logger: new DefaultLogger('WARN'),
});
console.log(`workflow bundle: ${Math.round(code.length / 1024)} kB`);

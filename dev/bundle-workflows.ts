import { resolve } from 'node:path';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';

/** The second fence beside the linter's: what a workflow cannot run breaks the bundle. */
const workflowsPath = process.argv[2] ?? resolve(import.meta.dirname, '../workflows/index.ts');
try {
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  console.log(`workflow bundle: ${Math.round(code.length / 1024)} kB`);
} catch (error) {
  console.error(`the workflows cannot be bundled: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

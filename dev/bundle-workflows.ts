import { resolve } from 'node:path';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';

/** `node dev/bundle-workflows.ts [PATH]`: fails when a workflow imports code that cannot run in workflows. */
const workflowsPath = process.argv[2] ?? resolve(import.meta.dirname, '../workflows/index.ts');
try {
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  console.log(`workflow bundle: ${Math.round(code.length / 1024)} kB`);
} catch (error) {
  console.error(`cannot bundle the workflows: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

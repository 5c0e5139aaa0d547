import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';

/** `node dev/embedded/temporal/download.ts NAME FOLDER`: starts a server once, which makes the SDK download it to FOLDER. */
const [name, downloadDir] = process.argv.slice(2);
if (downloadDir === undefined) throw new Error('usage: download.ts NAME FOLDER');

Runtime.install({ logger: new DefaultLogger('ERROR') });
const executable = { type: 'cached-download' as const, downloadDir };
try {
  const env = await (name === 'temporal'
    ? TestWorkflowEnvironment.createLocal({ server: { executable } })
    : TestWorkflowEnvironment.createTimeSkipping({ server: { executable } }));
  await env.teardown();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

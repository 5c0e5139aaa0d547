import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';
import { readCommandLine } from '../config/command-line/command-line.ts';
import { variablesOf } from '../config/command-line/variables.ts';
import { runCommand } from '../config/run-command.ts';

const COMMAND = {
  usage: ['npm run bundle [-- --output FILE]'],
  summary: [
    'Bundle the workflows. Fails when one imports code that cannot run in workflows. A worker bundles them at each start',
    'unless LETHE_WORKFLOW_BUNDLE names the file. Repeat it for each new version of Lethe.',
  ],
  positionals: { PATH: 'The file that exports the workflows. Default: workflows/index.ts.' },
  options: { output: { type: 'string', value: 'FILE', help: 'Where to write the bundle. Default: nowhere.' } },
  variables: variablesOf('LETHE_WORKFLOW_BUNDLE'),
  examples: ['npm run bundle', 'npm run bundle -- --output workflows.js'],
} as const;

async function main(): Promise<number> {
  const { values, positionals } = readCommandLine(COMMAND);
  const workflowsPath = resolve(positionals[0] ?? `${import.meta.dirname}/../workflows/index.ts`);
  try {
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
    if (values.output !== undefined) await writeFile(values.output, code);
    console.log(`workflow bundle: ${Math.round(code.length / 1024)} kB`);
    return 0;
  } catch (error) {
    console.error(`cannot bundle the workflows: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

await runCommand(main);

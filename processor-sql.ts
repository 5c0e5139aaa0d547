import { parseArgs } from 'node:util';
import { loadDeployment, readDeployment } from './config/deployment.ts';
import { deploymentEnvironment } from './config/environment.ts';

/**
 * `npm run processor-sql -- [PROJECT] [PROCESSOR] [--role ROLE]`: prints what an administrator runs once in each system
 * that Lethe deletes from: Lethe's own schema there and the least grants. Nothing is connected to and nothing is run.
 */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { role: { type: 'string' } } });
const [onlyProject, onlyProcessor] = positionals;
const { definitions } = readDeployment(await loadDeployment(deploymentEnvironment().configPath));

let printed = 0;
for (const [project, processors] of definitions) {
  for (const [processor, definition] of processors) {
    if (project !== (onlyProject ?? project) || processor !== (onlyProcessor ?? processor)) continue;
    const sql = definition.setupSql?.({ processor, ...(values.role === undefined ? {} : { role: values.role }) });
    if (sql === undefined) continue;
    console.log(`-- ${project}: ${processor}\n${sql}`);
    printed += 1;
  }
}
if (printed === 0) {
  console.error('no such project or processor, or none that needs anything');
  process.exitCode = 1;
}

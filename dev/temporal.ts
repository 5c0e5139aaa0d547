import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runCommand } from '../config/run-command.ts';
import { interruptSignal } from './interrupt.ts';
import { isAlive } from './embedded/processes.ts';
import { startTemporal } from './embedded/temporal/temporal.ts';

const DB_FILE = '.lethe/temporal.db';

/** `npm run temporal [-- --port N --ui-port N]`: Temporal's development server for evaluation. Keeps its state. */
await runCommand(async () => {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '7233' }, 'ui-port': { type: 'string', default: '8233' } },
  });
  const interrupt = interruptSignal();
  const interrupted = once(interrupt, 'abort').then(() => true);
  console.log('Starting Temporal');
  const ports = { port: Number(values.port), uiPort: Number(values['ui-port']) };
  const server = await startTemporal({ dbFile: DB_FILE, ...ports });
  console.log(`Temporal  ${server.address}\nUI        ${server.uiUrl}\nState     ${DB_FILE}\nPress Ctrl-C to stop.`);
  while (!interrupt.aborted && isAlive(server.pid)) await Promise.race([interrupted, sleep(500)]);
  await server.stop();
  if (!interrupt.aborted) throw new Error(`Temporal ended unexpectedly. Its log is ${server.logFile}.`);
  return 0;
});

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCommandLine, UsageError } from '../config/command-line/command-line.ts';
import { runCommand } from '../config/run-command.ts';
import { interruptSignal } from './interrupt.ts';
import { isAlive } from './embedded/processes.ts';
import { startTemporal } from './embedded/temporal/temporal.ts';

const DB_FILE = '.lethe/temporal.db';

const COMMAND = {
  usage: ['npm run temporal [-- --port PORT] [--ui-port PORT]'],
  summary: [`Start Temporal's development server, for evaluation. Its state is kept in ${DB_FILE}.`],
  options: {
    port: { type: 'string', default: '7233', value: 'PORT', help: 'The port of the server.' },
    'ui-port': { type: 'string', default: '8233', value: 'PORT', help: 'The port of the UI.' },
  },
  variables: { TEMPORAL_CLI_PATH: 'The executable of the Temporal CLI. By default it is searched, or downloaded.' },
  examples: ['npm run temporal', 'npm run temporal -- --port 17233 --ui-port 18233'],
} as const;

function portOf(name: 'port' | 'ui-port', text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text);
  throw new UsageError(COMMAND, `--${name} must be a port number from 1 to 65535`);
}

await runCommand(async () => {
  const { values } = readCommandLine(COMMAND);
  const ports = { port: portOf('port', values.port), uiPort: portOf('ui-port', values['ui-port']) };
  const interrupt = interruptSignal();
  const interrupted = once(interrupt, 'abort').then(() => true);
  console.log('Starting Temporal');
  const server = await startTemporal({ dbFile: DB_FILE, ...ports });
  console.log(`Temporal  ${server.address}\nUI        ${server.uiUrl}\nState     ${DB_FILE}\nPress Ctrl-C to stop.`);
  while (!interrupt.aborted && isAlive(server.pid)) await Promise.race([interrupted, sleep(500)]);
  await server.stop();
  if (!interrupt.aborted) throw new Error(`Temporal ended unexpectedly. Its log is ${server.logFile}.`);
  return 0;
});

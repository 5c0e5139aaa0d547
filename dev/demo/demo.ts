import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCommandLine } from '../../config/command-line/command-line.ts';
import { variablesOf } from '../../config/command-line/variables.ts';
import { runCommand } from '../../config/run-command.ts';
import { interruptSignal } from '../interrupt.ts';
import type { DemoData } from './data/generate.ts';
import { runDeletion } from './deletion.ts';
import { paint } from './follow.ts';
import { type Reporter, type Stack, STATE_FOLDER, startStack, startStackWith } from './stack.ts';
import { runThroughSystems } from './systems/run.ts';
import { startStandIns } from './systems/stand-ins.ts';

/** How long the viewer has to do the task for a person, and how long it is shown with `--once`. */
const ANSWER_AFTER_MS = { viewer: 20_000, once: 3_000 };
/** The servers that stand in for the systems have all people in memory. */
const MAX_SYSTEMS_SCALE = 2;

const COMMAND = {
  usage: ['npm run demo [-- --once] [--systems] [--scale N] [--seed N]'],
  summary: [
    'Start every server that is not configured, run one deletion of demo data from the request to the receipt, and stay up.',
    'With --systems the deletion goes through PostgreSQL, Mixpanel, Userpilot and a person; local servers stand in for both services.',
    'The demo keeps its state in .lethe/demo.',
  ],
  options: {
    once: { type: 'boolean', default: false, help: 'End after the receipt.' },
    systems: { type: 'boolean', default: false, help: 'Delete from four systems, each with another level of proof.' },
    scale: { type: 'string', default: '0.2', value: 'N', help: 'The amount of demo data, above 0 and at most 100.' },
    seed: { type: 'string', default: '1', value: 'N', help: 'A whole number that decides the demo data.' },
  },
  variables: {
    DATABASE_URL: 'The PostgreSQL server to use. Default: the demo starts one.',
    TEMPORAL_ADDRESS: 'The Temporal server to use. Default: the demo starts one.',
    TEMPORAL_CLI_PATH: 'The executable of the Temporal CLI. By default it is searched, or downloaded.',
    ...variablesOf('PORT'),
  },
  examples: ['npm run demo', 'npm run demo -- --systems', 'npm run demo -- --once --scale 1'],
} as const;

/** Starts everything and runs one deletion to its receipt. */
async function main(): Promise<number> {
  const { values } = readCommandLine(COMMAND);
  const interrupt = interruptSignal();
  const interrupted = once(interrupt, 'abort');
  console.log(paint('bold', 'Lethe demo: a deletion from the request to the receipt\n'));
  const data = { scale: Number(values.scale), seed: Number(values.seed) };
  const { stack, run } = values.systems ? await startSystems(data, values.once) : await startPlain(data);
  try {
    const equal = await Promise.race([run(), interrupted]);
    if (typeof equal !== 'boolean') return 130;
    if (!values.once) {
      printNextSteps(stack, values.systems);
      await Promise.race([interrupted, superviseUntil(stack, interrupt)]);
    }
    return equal ? 0 : 1;
  } finally {
    console.log('\nStopping the processes that the demo started');
    await stack.stop();
  }
}

interface Started {
  readonly stack: Stack;
  run(): Promise<boolean>;
}

async function startPlain(data: DemoData): Promise<Started> {
  const stack = await startStack(data, createReporter());
  return { stack, run: () => runDeletion(stack) };
}

async function startSystems(data: DemoData, isOnce: boolean): Promise<Started> {
  if (data.scale > MAX_SYSTEMS_SCALE) throw new Error(`--scale must be at most ${MAX_SYSTEMS_SCALE} with --systems`);
  const stateFolder = join(STATE_FOLDER, 'systems');
  const stack = await startStackWith(data, createReporter(), {
    stateFolder,
    config: 'systems.config.ts',
    suffix: '_systems',
    startBeside: (demoUrl, reporter) => startStandIns(stateFolder, { data, demoUrl }, reporter),
  });
  const answerAfterMs = isOnce ? ANSWER_AFTER_MS.once : ANSWER_AFTER_MS.viewer;
  return { stack, run: () => runThroughSystems(stack, stack.beside, { answerAfterMs }) };
}

/** Prints one line per component; on a terminal the last line shows what is being started. */
function createReporter(): Reporter {
  const out = process.stdout;
  const clearLine = out.isTTY ? '\r\u001b[2K' : '';
  return {
    report: (line) => out.write(`${clearLine}  ${line}\n`),
    begin: (component) => out.isTTY && out.write(`${clearLine}  ${paint('dim', `starting ${component} …`)}`),
  };
}

const TASK_STEP = `This time you are the person: do the task of the partner.

  curl -sS -X POST $LETHE_URL/v1/tasks/$(curl -sS "$LETHE_URL/v1/tasks?state=open" \\
    -H "Authorization: Bearer $LETHE_TOKEN" | jq -r '.items[0].id')/done -H "Authorization: Bearer $LETHE_TOKEN"

About ten seconds later, read the receipt with the proof of each system:`;

function printNextSteps({ apiUrl, uiUrl, environmentFile }: Stack, hasSystems: boolean): void {
  const headers = `-H "Authorization: Bearer $LETHE_TOKEN" -H 'Content-Type: application/json'`;
  console.log(`
  API          ${apiUrl}   (reference: ${apiUrl}/docs)
  Temporal UI  ${uiUrl ?? 'the one of your Temporal server'}

${paint('bold', 'Next: delete a user yourself.')} In another terminal, in this folder:

  source ${environmentFile}

  REQUEST=$LETHE_URL/v1/requests/$(curl -sS $LETHE_URL/v1/requests \\
    ${headers} \\
    -d '{"project":"demo","kind":"deletion","regulation":"gdpr",
         "subjects":{"kind":"user","identities":[{"type":"user_id","value":"${hasSystems ? 'u-22' : 'u-20'}"}]}}' | jq -r .id)

Lethe hides the user within about a second. The grace period is one hour; delete at once:

  curl -sS $REQUEST/expedite ${headers} \\
    -d '{"when":"now","reason":"trying it out"}'

${hasSystems ? TASK_STEP : 'About ten seconds later, read the receipt:'}

  curl -sS $REQUEST/receipt -H "Authorization: Bearer $LETHE_TOKEN" | jq

README.md shows more. Press Ctrl-C to stop the demo.`);
}

/** Throws when a process of the stack ends before the signal. */
async function superviseUntil(stack: Stack, signal: AbortSignal): Promise<void> {
  for (; !signal.aborted; await sleep(500)) stack.assertAlive();
}

await runCommand(main);

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCommandLine } from '../../config/command-line/command-line.ts';
import { variablesOf } from '../../config/command-line/variables.ts';
import { runCommand } from '../../config/run-command.ts';
import { interruptSignal } from '../interrupt.ts';
import { Receipt, Subjects, accept, call, overdueDeletions } from './client.ts';
import { compare } from './compare.ts';
import { figuresOf, sum } from './figures.ts';
import { follow, paint } from './follow.ts';
import { type Reporter, type Stack, startStack } from './stack.ts';
import { chooseSubjects } from './subjects.ts';

/** Housekeeping restarts a workflow that was lost with Temporal's state within two minutes. */
const RESUME_TIMEOUT_MS = 120_000;

const COMMAND = {
  usage: ['npm run demo [-- --once] [--scale N] [--seed N]'],
  summary: [
    'Start every server that is not configured, run one deletion of demo data from the request to the receipt, and stay up.',
    'The demo keeps its state in .lethe/demo.',
  ],
  options: {
    once: { type: 'boolean', default: false, help: 'End after the receipt.' },
    scale: { type: 'string', default: '0.2', value: 'N', help: 'The amount of demo data, above 0 and at most 100.' },
    seed: { type: 'string', default: '1', value: 'N', help: 'A whole number that decides the demo data.' },
  },
  variables: {
    DATABASE_URL: 'The PostgreSQL server to use. Default: the demo starts one.',
    TEMPORAL_ADDRESS: 'The Temporal server to use. Default: the demo starts one.',
    TEMPORAL_CLI_PATH: 'The executable of the Temporal CLI. By default it is searched, or downloaded.',
    ...variablesOf('PORT'),
  },
  examples: ['npm run demo', 'npm run demo -- --once --scale 1'],
} as const;

/** Starts everything and runs one deletion to its receipt. */
async function main(): Promise<number> {
  const { values } = readCommandLine(COMMAND);
  const interrupt = interruptSignal();
  const interrupted = once(interrupt, 'abort');
  console.log(paint('bold', 'Lethe demo: a deletion from the request to the receipt\n'));
  const data = { scale: Number(values.scale), seed: Number(values.seed) };
  const stack = await startStack(data, createReporter());
  try {
    const equal = await Promise.race([runDeletion(stack), interrupted]);
    if (typeof equal !== 'boolean') return 130;
    if (!values.once) {
      printNextSteps(stack);
      await Promise.race([interrupted, superviseUntil(stack, interrupt)]);
    }
    return equal ? 0 : 1;
  } finally {
    console.log('\nStopping the processes that the demo started');
    await stack.stop();
  }
}

async function runDeletion(stack: Stack): Promise<boolean> {
  await finishInterrupted(stack);
  const { userIds, identities } = await chooseSubjects(stack.demoUrl);
  const seeded = sum(await Promise.all(userIds.map((userId) => figuresOf(stack.demoUrl, userId))));
  const { id } = await accept(stack, {
    project: 'demo',
    kind: 'deletion',
    regulation: 'gdpr',
    subjects: { kind: 'user', identities: identities.map(({ type, value }) => ({ type, value })) },
    suppress: true,
    expedite: { when: 'now', reason: 'demo' },
  });
  console.log(`\nPOST /v1/requests → ${paint('bold', id)}, expedited: no grace period`);
  for (const { type, value, note } of identities)
    console.log(`  ${type.padEnd(12)} ${[value].flat().join(', ').padEnd(40)} ${paint('dim', note)}`);
  console.log('');
  await follow(stack, id);
  const receipt = await call(stack, Receipt, `/v1/requests/${id}/receipt`);
  const outcomes = Object.entries(receipt.outcomes)
    .toSorted(([, one], [, other]) => other - one)
    .map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`\nGET /v1/requests/${id}/receipt\n  identities: ${outcomes.join(', ')}`);
  const { items } = await call(stack, Subjects, `/v1/requests/${id}/subjects`);
  const withRetained = items.filter(({ outcome, retained }) => outcome === 'deleted' && retained.length > 0);
  console.log(`  ${withRetained.length} of the deleted identities have retained rows\n`);
  const { lines, equal } = compare(receipt, seeded);
  for (const line of lines) console.log(line);
  const verdict = `the receipt ${equal ? 'equals' : 'does NOT equal'} what was seeded`;
  console.log(paint(['bold', equal ? 'green' : 'red'], `\n  ${equal ? '✓' : '✗'} ${verdict}`));
  return equal;
}

/** Waits for the deletion of a demo that was killed, because it still owns its subjects. */
async function finishInterrupted(stack: Stack): Promise<void> {
  const interrupted = await overdueDeletions(stack);
  if (interrupted.length > 0) console.log(`  resumed      ${interrupted.join(', ')} of an interrupted demo`);
  for (const end = Date.now() + RESUME_TIMEOUT_MS; Date.now() < end; await sleep(500)) {
    stack.assertAlive();
    if ((await overdueDeletions(stack)).length === 0) return;
  }
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

function printNextSteps({ apiUrl, uiUrl, environmentFile }: Stack): void {
  const headers = `-H "Authorization: Bearer $LETHE_TOKEN" -H 'Content-Type: application/json'`;
  console.log(`
  API          ${apiUrl}   (reference: ${apiUrl}/docs)
  Temporal UI  ${uiUrl ?? 'the one of your Temporal server'}

${paint('bold', 'Next: delete a user yourself.')} In another terminal, in this folder:

  source ${environmentFile}

  REQUEST=$LETHE_URL/v1/requests/$(curl -sS $LETHE_URL/v1/requests \\
    ${headers} \\
    -d '{"project":"demo","kind":"deletion","regulation":"gdpr",
         "subjects":{"kind":"user","identities":[{"type":"user_id","value":"u-20"}]}}' | jq -r .id)

Lethe hides the user within about a second. The grace period is one hour; delete at once:

  curl -sS $REQUEST/expedite ${headers} \\
    -d '{"when":"now","reason":"trying it out"}'

About ten seconds later, read the receipt:

  curl -sS $REQUEST/receipt -H "Authorization: Bearer $LETHE_TOKEN" | jq

README.md shows more. Press Ctrl-C to stop the demo.`);
}

/** Throws when a process of the stack ends before the signal. */
async function superviseUntil(stack: Stack, signal: AbortSignal): Promise<void> {
  for (; !signal.aborted; await sleep(500)) stack.assertAlive();
}

await runCommand(main);

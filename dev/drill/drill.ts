import { once } from 'node:events';
import { readCommandLine, UsageError } from '../../config/command-line/command-line.ts';
import { runCommand } from '../../config/run-command.ts';
import { interruptSignal } from '../interrupt.ts';
import { COLUMNS, type Finding } from './inspect.ts';
import { planOf } from './plan.ts';
import { startDrill } from './run.ts';
import { drawTable } from './table.ts';

const LISTED_FINDINGS = 60;

const COMMAND = {
  usage: ['npm run drill [-- --cycles N] [--seed N]'],
  summary: [
    'Start a complete installation, break it again and again, and compare afterwards what was accepted with what is left.',
    'Exit codes: 0 no damage was found, 1 damage was found.',
  ],
  options: {
    cycles: { type: 'string', default: '10', value: 'N', help: 'The number of faults.' },
    seed: { type: 'string', value: 'N', help: 'A whole number that decides the faults. By default a random one.' },
  },
  variables: { TEMPORAL_CLI_PATH: 'The executable of the Temporal CLI. By default it is searched, or downloaded.' },
  examples: ['npm run drill', 'npm run drill -- --cycles 200 --seed 7'],
} as const;

/** Breaks a complete installation again and again and compares. */
async function main(): Promise<number> {
  const { values } = readCommandLine(COMMAND);
  const cycles = Number(values.cycles);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  if (!Number.isInteger(cycles) || cycles < 1 || !Number.isInteger(seed))
    throw new UsageError(COMMAND, '--cycles needs a number of at least 1, and --seed a whole number.');
  const began = performance.now();
  const elapsed = (): string => `${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s`;
  const plan = planOf(seed, cycles);
  console.log(`Drill of ${cycles} cycles with seed ${seed}`);
  const interrupt = interruptSignal();
  const interrupted = once(interrupt, 'abort').then((): Finding[] => []);
  const drill = await startDrill();
  const [archives, internalErrors] = [drill.evidence.stack.archivesAreSmall, drill.evidence.caller.internalErrors];
  try {
    const running = drill.run(plan, (line) => console.log(`${elapsed()}  ${line}`));
    running.catch(() => {}); // Fails when an interrupt stops the servers.
    const findings = await Promise.race([running, interrupted]);
    if (interrupt.aborted) return 130;
    console.log(`\n${drawTable(plan, drill.evidence.record.requests, findings)}\n`);
    if (!archives) console.log('archives full: a file in the place of the folder, because the drill may not mount');
    console.log(`seed ${seed}, ${elapsed().trim()}, ${internalErrors.length} answers 500`);
    if (findings.length === 0) return 0;
    listFindings(findings);
    console.log(`\nRepeat with: npm run drill -- --cycles ${cycles} --seed ${seed}`);
    return 1;
  } finally {
    await drill.stop();
  }
}

function listFindings(findings: readonly Finding[]): void {
  const sorted = COLUMNS.flatMap((column) => findings.filter((finding) => finding.column === column));
  for (const { column, fault, detail } of sorted.slice(0, LISTED_FINDINGS))
    console.log(`${column}${fault === null ? '' : ` (${fault})`}: ${detail}`);
  if (sorted.length > LISTED_FINDINGS) console.log(`and ${sorted.length - LISTED_FINDINGS} more`);
}

await runCommand(main);
// The calls of an interrupted drill would be repeated for a minute.
process.exit();

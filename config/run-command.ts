import { UsageError } from './command-line/command-line.ts';

/**
 * Runs a command and sets its exit code. Prints the reason of a failure without a stack and ends with `failure`, or with 2
 * for wrong arguments.
 */
export async function runCommand(main: () => Promise<number>, { failure = 1 } = {}): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${reason(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : failure;
  }
}

function reason(error: unknown): string {
  // Node reports a refused connection to both addresses of a host in an error without a message.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reason).join('; ');
  // Drizzle's own message is the statement; the driver's error has the reason.
  if (error instanceof Error && error.name === 'DrizzleQueryError') return reason(error.cause);
  return error instanceof Error ? error.message : 'failed';
}

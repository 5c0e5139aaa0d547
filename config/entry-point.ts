/** Runs a command and says in one sentence why it did not succeed; its answer is the exit code. */
export async function entryPoint(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${reason(error)}\n`);
    process.exitCode = 1;
  }
}

function reason(error: unknown): string {
  // Node reports a refused connection to both addresses of a host in an error without words.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reason).join('; ');
  // Drizzle's own message is the statement; what went wrong is in the driver's error.
  if (error instanceof Error && error.name === 'DrizzleQueryError') return reason(error.cause);
  return error instanceof Error ? error.message : 'failed';
}

interface Failure {
  readonly code: string | null;
  readonly reason: string | undefined;
}
interface FatalLog {
  fatal(failure: Failure, message: string): void;
}
interface Terminal {
  write(text: string): unknown;
}

/** Reports why a process ends, as plain text on a terminal and otherwise as one line of the log. */
export function reportFatal(
  log: FatalLog,
  failure: Failure,
  message: string,
  terminal: Terminal | null = process.stdout.isTTY ? process.stderr : null,
): void {
  if (terminal === null) {
    log.fatal(failure, message);
    return;
  }
  const { code, reason = 'unexpected error' } = failure;
  terminal.write(`${message}: ${reason}${code === null ? '' : ` (${code})`}\n`);
}

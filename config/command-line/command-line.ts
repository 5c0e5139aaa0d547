import { parseArgs } from 'node:util';

interface Option {
  readonly type: 'string' | 'boolean';
  readonly default?: string | boolean;
  /** The placeholder of the value in the help. */
  readonly value?: string;
  readonly help: string;
}
type Options = Readonly<Record<string, Option>>;

/** What a command accepts, and what its help prints. */
export interface Command<Accepted extends Options = Options> {
  /** One line per form, such as `npm run migrate`. */
  readonly usage: readonly string[];
  readonly summary: readonly string[];
  readonly options: Accepted;
  /** Arguments without a name, in their order. */
  readonly positionals?: Readonly<Record<string, string>>;
  /** Environment variables with their meaning. */
  readonly variables: Readonly<Record<string, string>>;
  readonly examples: readonly string[];
}

type CommandLine<Accepted extends Options> = ReturnType<
  typeof parseArgs<{ readonly options: Accepted; readonly allowPositionals: true }>
>;

/** Wrong arguments. `runCommand` ends with exit code 2. */
export class UsageError extends Error {
  constructor({ usage }: Command, message: string) {
    super(`${message}\n\n${usageText(usage)}\n--help lists all options and variables.`);
    this.name = 'UsageError';
  }
}

/**
 * Reads the arguments of this process. Ends it with 0 after it has printed the help, or with 2 for arguments that the
 * command does not accept. Prints no value, because a value can be a URL with a password.
 */
export function readCommandLine<const Accepted extends Options>(command: Command<Accepted>): CommandLine<Accepted> {
  const help = { type: 'boolean', short: 'h' } as const;
  try {
    const read = parseArgs({ allowPositionals: true, options: { ...command.options, help } });
    if (Reflect.get(read.values, 'help') === true) {
      process.stdout.write(helpText(command));
      process.exit(0);
    }
    if (command.positionals === undefined && read.positionals.length > 0)
      throw new UsageError(command, 'Every argument needs the name of an option before it');
    return read as unknown as CommandLine<Accepted>;
  } catch (error) {
    const usage = error instanceof UsageError ? error : new UsageError(command, firstSentence(error));
    process.stderr.write(`${usage.message}\n`);
    process.exit(2);
  }
}

/** The parser adds advice that does not apply here. */
const firstSentence = (error: unknown): string =>
  error instanceof Error ? (error.message.split(/\. |\n/)[0] ?? '') : 'invalid arguments';

const usageText = (usage: readonly string[]): string =>
  usage.map((line, index) => `${index === 0 ? 'usage: ' : '       '}${line}`).join('\n');

function helpText({ usage, summary, options, positionals = {}, variables, examples }: Command): string {
  const named = Object.entries(options).map(([name, { type, value, help, default: standard }]) => [
    `--${name}${type === 'string' ? ` ${value ?? 'VALUE'}` : ''}`,
    `${help}${standard === undefined || standard === false ? '' : ` Default: ${String(standard)}.`}`,
  ]);
  const parts = [
    [usageText(usage)],
    summary,
    section('Arguments:', Object.entries(positionals)),
    section('Options:', [...named, ['-h, --help', 'Print this help.']]),
    section(
      'Environment variables, each also as NAME_FILE, the path of a file with the value:',
      Object.entries(variables),
    ),
    ['Examples:', ...examples.map((example) => `  ${example}`)],
  ];
  return `${parts.flatMap((lines) => (lines.length === 0 ? [] : [lines.join('\n')])).join('\n\n')}\n`;
}

/** A title and two columns. */
function section(title: string, rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([name = '']) => name.length));
  return rows.length === 0 ? [] : [title, ...rows.map(([name = '', help = '']) => `  ${name.padEnd(width)}  ${help}`)];
}

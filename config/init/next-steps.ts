import type { ConfigError } from '../../connectors/connector.ts';
import type { PostgresSettings, Proposal } from '../../connectors/postgres/index.ts';

/** What a person still has to do before the data map can be used. */
export interface NextSteps {
  /** Questions, each with its table. */
  readonly questions: readonly string[];
  /** SQL with its reasons as comments. */
  readonly statements: readonly string[];
  /** `check` reports that the schema lethe_system or rights are missing. */
  readonly needsGrants: boolean;
  /** What no printed statement corrects. */
  readonly errors: readonly string[];
}

export function nextSteps(
  settings: PostgresSettings,
  comments: ReadonlyMap<string, readonly string[]>,
  { statements }: Pick<Proposal, 'statements'>,
  errors: readonly ConfigError[],
): NextSteps {
  const isSettled = ({ path, message }: ConfigError): boolean =>
    statements.some(({ settles }) => path.endsWith(settles.path) && message.includes(settles.message));
  const isGrant = ({ path, sql }: ConfigError): boolean =>
    sql !== undefined && (path.endsWith('.url') || sql.startsWith('GRANT '));
  const open = errors.filter((error) => !isSettled(error));
  const needed = statements.filter(({ settles }) =>
    errors.some(({ path, message }) => path.endsWith(settles.path) && message.includes(settles.message)),
  );
  const corrections = open.filter((error) => error.sql !== undefined && !isGrant(error));
  return {
    questions: questionsOf(settings, comments),
    statements: script([
      ...needed,
      ...corrections.map(({ message, sql = '' }) => ({
        reason: message.replace(/(; |: )?run(:| the statements).*$/s, ''),
        sql,
      })),
    ]),
    needsGrants: errors.some(isGrant),
    errors: open.filter((error) => error.sql === undefined).map(({ path, message }) => `${path}: ${message}`),
  };
}

/** Each statement once, under its reasons. */
function script(statements: readonly { readonly reason: string; readonly sql: string }[]): string[] {
  const reasons = new Map<string, Set<string>>();
  for (const { reason, sql } of statements) reasons.set(sql, (reasons.get(sql) ?? new Set()).add(reason));
  let last = '';
  return [...reasons].flatMap(([sql, why]) => {
    const lines = [...why].map((reason) => `-- ${reason.replaceAll(/[\r\n]+/g, ' ')}`);
    const isSame = lines.join('\n') === last;
    last = lines.join('\n');
    return isSame ? [sql] : [...lines, sql];
  });
}

const DECIDE = /^DECIDE: /;

function questionsOf(settings: PostgresSettings, comments: ReadonlyMap<string, readonly string[]>): string[] {
  return [...comments].flatMap(([path, lines]) =>
    lines.filter((line) => DECIDE.test(line)).map((line) => `${placeOf(settings, path)}: ${line.replace(DECIDE, '')}`),
  );
}

/** The table of the entry that a path leads to, or the path. */
function placeOf({ kinds, ignore }: PostgresSettings, path: string): string {
  const [, kind = '', index] = /^kinds\.(user|company)(?:\.tables\.(\d+))?/.exec(path) ?? [];
  const map = kind === 'company' ? kinds.company : kinds.user;
  if (index !== undefined) return map?.tables?.[Number(index)]?.table ?? path;
  const [, ignored] = /^ignore\.(\d+)/.exec(path) ?? [];
  if (ignored !== undefined) return ignore?.[Number(ignored)]?.table ?? path;
  return kind !== '' && path === `kinds.${kind}` ? (map?.table ?? path) : path;
}

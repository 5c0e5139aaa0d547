import type { ConfigError } from '../../connectors/connector.ts';
import type { Report } from './report.ts';

/**
 * The statements that correct config errors, per system, for psql. Errors that need a change of the configuration are
 * comments, so that the script hides nothing.
 */
export function sqlScript({ file, systems, errors }: Report): string {
  const parts = systems.flatMap((system) => systemLines(system.path, system.errors));
  const configuration = errors.map((error) => comment(`${error.path}: ${error.message}`));
  if (parts.length === 0 && configuration.length === 0) return '-- No config errors.\n';
  return [
    comment(`Corrects the config errors of ${file}. Run it with psql as an administrator of the system, without -1:`),
    comment('CREATE INDEX CONCURRENTLY cannot run in a transaction. Read each statement before you run it.'),
    ...configuration,
    ...parts,
    '',
  ].join('\n');
}

function systemLines(path: string, errors: readonly ConfigError[]): string[] {
  if (errors.length === 0) return [];
  const manual = errors.filter(({ sql }) => sql === undefined);
  const statements = new Map<string, string[]>();
  for (const { sql, path: place, message } of errors)
    if (sql !== undefined) statements.set(sql, [...(statements.get(sql) ?? []), comment(`${place}: ${message}`)]);
  return [
    '',
    comment(path),
    ...[...statements].flatMap(([sql, reasons]) => [...reasons, sql]),
    ...(manual.length === 0 ? [] : [comment('No statement corrects these; change the configuration or the schema:')]),
    ...manual.map((error) => comment(`${error.path}: ${error.message}`)),
  ];
}

/** A name in the catalog can contain a line break, which must not end the comment. */
const comment = (text: string): string => `-- ${text.replaceAll(/[\r\n]+/g, ' ')}`;

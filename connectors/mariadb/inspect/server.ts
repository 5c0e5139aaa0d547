import type { ConfigError } from '../../connector.ts';
import type { Inspection } from './inspection.ts';

/** The oldest release with everything that the statements use: JSON_TABLE, RANDOM_BYTES and the type UUID. */
const MIN_VERSION = [10, 11];

/** Checks that the server is recent enough, accepts writes, and can repeat them on a replica. */
export async function checkServer({ session }: Inspection): Promise<readonly ConfigError[]> {
  const [server] = await session.rows<{
    version: string;
    readOnly: string | number;
    format: string;
    binlog: string | number;
  }>(
    `SELECT VERSION() AS version, @@global.read_only AS readOnly, @@session.binlog_format AS format, @@global.log_bin AS binlog`,
  );
  const version = server?.version ?? '';
  const errors: ConfigError[] = [];
  if (!isAtLeast(version))
    errors.push({ path: 'url', message: `the server is ${version}; it must be MariaDB 10.11 or newer` });
  if (String(server?.readOnly) !== '0')
    errors.push({ path: 'url', message: 'the server is read-only, so it cannot delete; use the primary' });
  if (String(server?.binlog) !== '0' && server?.format === 'STATEMENT')
    errors.push({
      path: 'url',
      message:
        'the binary log has the format STATEMENT, with which the server refuses to lock only the rows of a deletion; set binlog_format to ROW',
    });
  return errors;
}

function isAtLeast(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number);
  const difference = MIN_VERSION.findIndex((part, index) => parts[index] !== part);
  return difference < 0 || (parts[difference] ?? 0) > (MIN_VERSION[difference] ?? 0);
}

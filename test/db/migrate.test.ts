import postgres from 'postgres';
import { expect, test } from 'vitest';
import { migrate, adviseParameterLogging } from '../../db/migrate.ts';
import { createDatabase } from '../support/servers/postgres.ts';

test('reports the statement that turns off parameter logging, and runs it when the role may', async () => {
  const { url } = await createDatabase();
  const name = new URL(url).pathname.slice(1);
  const sql = postgres(url, { max: 1 });
  try {
    await sql.unsafe(`ALTER DATABASE ${name} SET log_parameter_max_length = -1`);
    expect(await adviseParameterLogging(url)).toBe(`ALTER DATABASE ${name} SET log_parameter_max_length = 0;`);
    await sql.unsafe(`ALTER DATABASE ${name} SET log_parameter_max_length_on_error = 64`);
    expect(await adviseParameterLogging(url)).toContain('log_parameter_max_length_on_error = 0;');
    await sql.unsafe(`ALTER DATABASE ${name} RESET log_parameter_max_length_on_error`);
    expect(await migrate(url)).not.toEqual([]);
    expect(await adviseParameterLogging(url)).toBeNull();
    expect(await migrate(url)).toEqual([]);
  } finally {
    await sql.end();
  }
});

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { runCommand } from '../config/run-command.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');

/**
 * `node dev/check-migrations.ts [DB_FOLDER]`: fails when a migration is missing for the schema. drizzle-kit
 * generates migrations into a copy of the folder; a new folder there is the missing migration.
 */
await runCommand(async () => {
  const db = resolve(process.argv[2] ?? join(ROOT, 'db'));
  const copy = await mkdtemp(join(tmpdir(), 'lethe-migrations-'));
  try {
    await cp(join(db, 'migrations'), copy, { recursive: true });
    const known = await readdir(copy);
    const kit = join(ROOT, 'node_modules/drizzle-kit/bin.cjs');
    const options = ['--dialect', 'postgresql', '--schema', join(db, 'schema'), '--out', copy];
    const { stdout } = await run(process.execPath, [kit, 'generate', ...options], { cwd: ROOT });
    const [missing] = (await readdir(copy)).filter((name) => !known.includes(name));
    if (missing !== undefined) {
      const sql = await readFile(join(copy, missing, 'migration.sql'), 'utf8');
      throw new Error(`a migration is missing for db/schema/. Run \`npm run migrations\`.\n${sql}`);
    }
    if (!stdout.includes('No schema changes')) throw new Error(`drizzle-kit did not compare the schema:\n${stdout}`);
    console.log('migrations match db/schema/');
    return 0;
  } finally {
    await rm(copy, { recursive: true });
  }
});

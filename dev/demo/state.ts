import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** What the demo keeps between runs: git-ignored, and gone with `rm -r .lethe/demo`. */
export const STATE = resolve(import.meta.dirname, '../../.lethe/demo');

const Secrets = z.object({ digestKeys: z.string() });

/** Made at the first run and kept: rows written with a digest key can only be found with it. */
export function secrets(folder: string = STATE): z.output<typeof Secrets> {
  const file = join(folder, 'secrets.json');
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file)) {
    const made = { digestKeys: `demo:${random(32)}` };
    writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  return Secrets.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const random = (bytes: number): string => randomBytes(bytes).toString('base64url');

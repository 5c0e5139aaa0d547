import { existsSync, readFileSync } from 'node:fs';

/** Variables by name, as in process.env. */
export type Source = Readonly<Record<string, string | undefined>>;

/** process.env, completed by `.env` of the working directory; what is set already stays. */
export function processEnvironment(): Source {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/** The named variables, each from NAME or from the file that NAME_FILE names. Empty is unset. */
export function readFileVariants(
  source: Source,
  names: readonly string[],
): { values: Record<string, string | undefined>; mistakes: string[] } {
  const values: Record<string, string | undefined> = {};
  const mistakes: string[] = [];
  for (const name of names) {
    const direct = source[name] || undefined;
    const file = source[`${name}_FILE`] || undefined;
    if (direct !== undefined && file !== undefined)
      mistakes.push(`${name}: given twice, as ${name} and as ${name}_FILE`);
    else if (file === undefined) values[name] = direct;
    else {
      const text = contentOf(file);
      if (text === null) mistakes.push(`${name}: the file that ${name}_FILE names cannot be read`);
      else values[name] = text || undefined;
    }
  }
  return { values, mistakes };
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

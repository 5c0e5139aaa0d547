import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const Report = z.object({
  diagnostics: z.array(z.object({ code: z.string(), message: z.string(), filename: z.string() })),
});
export type Diagnostic = z.infer<typeof Report>['diagnostics'][number];

/** Lints the given files with the configuration of the project. Returns the diagnostics by file. */
export function lint(files: Record<string, string>): Map<string, Diagnostic[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-lint-'));
  try {
    const config = JSON.stringify(join(ROOT, 'oxlint.config.ts'));
    writeFileSync(join(folder, 'oxlint.config.ts'), `export { default } from ${config};\n`);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(ROOT, 'tsconfig.json') }));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const run = spawnSync(process.execPath, [join(ROOT, 'node_modules/oxlint/bin/oxlint'), '--format', 'json', '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const found = new Map<string, Diagnostic[]>(Object.keys(files).map((path) => [path, []]));
    for (const diagnostic of parse(run.stdout, run.stderr).diagnostics) {
      found.get(diagnostic.filename)?.push(diagnostic);
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function parse(stdout: string, stderr: string): z.infer<typeof Report> {
  try {
    return Report.parse(JSON.parse(stdout));
  } catch {
    throw new Error(`oxlint printed no report:\n${stdout}${stderr}`);
  }
}

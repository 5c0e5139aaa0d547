import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { openPromise } from 'yauzl';
import { runCommand } from '../../../config/run-command.ts';

/** The commands of README.md that a machine may lack. */
const REPLACEABLE = ['jq', 'unzip'];

/** A PATH on which each of these commands exists: where the machine has none, as a substitute in the folder. */
export function pathWithCommands(folder: string): string {
  for (const command of REPLACEABLE) {
    if (spawnSync('sh', ['-c', `command -v ${command}`]).status === 0) continue;
    const file = join(folder, command);
    writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${import.meta.filename}' ${command} "$@"\n`);
    chmodSync(file, 0o755);
  }
  return `${folder}:${process.env['PATH']}`;
}

/** `jq [-r] [PATH]` and `unzip -l FILE`, as far as README.md uses them. */
async function runSubstitute(command: string, args: readonly string[]): Promise<number> {
  if (command === 'unzip') {
    const zip = await openPromise(args[1] ?? '');
    for await (const { fileName } of zip.eachEntry()) console.log(fileName);
    return 0;
  }
  const filter = args.find((arg) => !arg.startsWith('-')) ?? '.';
  let value: unknown = JSON.parse(await text(process.stdin));
  for (const [, name] of filter.matchAll(/(\w+)/g)) value = (value as Record<string, unknown>)[name ?? ''] ?? null;
  console.log(args.includes('-r') && typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  return 0;
}

const [, script, command = '', ...args] = process.argv;
if (script === import.meta.filename) await runCommand(() => runSubstitute(command, args));

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readCommandLine } from '../../config/command-line/command-line.ts';
import { runCommand } from '../../config/run-command.ts';
import { type Audit, auditByCopy, auditByRegistry, type Finding } from './advisories.ts';
import { type Installed, readInstalled } from './packages.ts';

const CACHED_COPY = '.lethe/advisories';
const COMMAND = {
  usage: ['npm run audit [-- --lock FILE]'],
  summary: [
    'Compare the packages of the lock file with known advisories: those of LETHE_ADVISORIES if it is set, otherwise those',
    `of the registry, and if it does not answer, those of ${CACHED_COPY}. A copy is in the format OSV: a JSON file, or a`,
    'folder of JSON files, such as the unpacked https://osv-vulnerabilities.storage.googleapis.com/npm/all.zip.',
    'Exit codes: 0 no finding of severity high or above, 1 such a finding, 2 nothing could be checked.',
  ],
  options: { lock: { type: 'string', default: 'package-lock.json', value: 'FILE', help: 'The lock file.' } },
  variables: {
    LETHE_ADVISORIES: 'A copy of advisories in the format OSV.',
    npm_config_registry: 'The registry. Default: the one that npm uses.',
  },
  examples: ['npm run audit', 'LETHE_ADVISORIES=advisories.json npm run audit'],
} as const;

async function audit(installed: readonly Installed[]): Promise<Audit> {
  const { LETHE_ADVISORIES: copy = '' } = process.env;
  try {
    if (copy !== '') return auditByCopy(copy, installed);
    return await auditByRegistry(new URL(registryOfNpm()), installed);
  } catch (error) {
    if (copy === '' && existsSync(CACHED_COPY)) return auditByCopy(CACHED_COPY, installed);
    const reason = error instanceof Error ? error.message : 'unknown error';
    throw new Error(
      `NOTHING WAS CHECKED: ${reason}. Set LETHE_ADVISORIES to a copy of advisories; --help says where to get one.`,
      { cause: error },
    );
  }
}

/** npm reads it from the environment and its configuration files. */
const registryOfNpm = (): string =>
  process.env['npm_config_registry'] ?? execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();

const byPackage = (one: Finding, other: Finding): number => one.name.localeCompare(other.name);

const describe = ({ severity, name, version, dev, id, title }: Finding): string =>
  `${severity.padEnd(9)} ${name}@${version}${dev ? ' (development only)' : ''}  ${id}  ${title}`;

await runCommand(
  async () => {
    const { values } = readCommandLine(COMMAND);
    const installed = readInstalled(values.lock);
    const { source, findings } = await audit(installed);
    for (const finding of findings.toSorted(byPackage)) console.log(describe(finding));
    const serious = findings.filter(({ severity }) => !['low', 'moderate'].includes(severity));
    console.log(`checked ${installed.length} packages of ${values.lock} against ${source}`);
    console.log(`${findings.length} findings, ${serious.length} of them of severity high, critical or unknown`);
    return serious.length > 0 ? 1 : 0;
  },
  { failure: 2 },
);

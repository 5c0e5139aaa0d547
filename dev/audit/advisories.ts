import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Installed } from './packages.ts';
import { compareVersions } from './versions.ts';

/** `unknown` counts as high, because it may be. */
export type Severity = 'low' | 'moderate' | 'high' | 'critical' | 'unknown';

export interface Finding extends Installed {
  readonly severity: Severity;
  readonly id: string;
  readonly title: string;
}

/** What a source of advisories says about the installed packages. */
export interface Audit {
  /** The source, and how current it is. */
  readonly source: string;
  readonly findings: readonly Finding[];
}

const severityOf = (text: string | undefined): Severity => {
  const lower = text?.toLowerCase();
  if (lower === 'moderate' || lower === 'high' || lower === 'critical') return lower;
  if (lower === 'medium') return 'moderate';
  return lower === 'low' || lower === 'info' ? 'low' : 'unknown';
};

const Event = z.object({
  introduced: z.string().optional(),
  fixed: z.string().optional(),
  last_affected: z.string().optional(),
});
/** A record of https://ossf.github.io/osv-schema/. */
const Osv = z.object({
  id: z.string(),
  modified: z.string(),
  summary: z.string().default('no summary'),
  withdrawn: z.string().optional(),
  database_specific: z.object({ severity: z.string().optional() }).optional(),
  affected: z
    .array(
      z.object({
        package: z.object({ ecosystem: z.string(), name: z.string() }).optional(),
        versions: z.array(z.string()).default([]),
        ranges: z.array(z.object({ type: z.string(), events: z.array(Event) })).default([]),
      }),
    )
    .default([]),
});
type Osv = z.output<typeof Osv>;
type Affected = Osv['affected'][number];

/** Compares the packages with a copy of advisories: a JSON file with one or several records, or a folder of such files. */
export function auditByCopy(path: string, installed: readonly Installed[]): Audit {
  const files = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.json'))
        .map((name) => join(path, name))
    : [path];
  const records = files.flatMap(readRecords).filter(({ withdrawn }) => withdrawn === undefined);
  const affected = records.flatMap((record) =>
    record.affected.flatMap((entry) => (entry.package?.ecosystem === 'npm' ? [{ record, entry }] : [])),
  );
  if (affected.length === 0) throw new Error(`${path} contains no advisory on packages of npm`);
  const byName = Map.groupBy(affected, ({ entry }) => entry.package?.name ?? '');
  const findings = installed.flatMap((one) =>
    (byName.get(one.name) ?? []).flatMap(({ record, entry }) => {
      if (!isAffected(entry, one.version)) return [];
      const severity = severityOf(record.database_specific?.severity);
      return [{ ...one, severity, id: record.id, title: record.summary }];
    }),
  );
  const newest = records
    .map(({ modified }) => modified)
    .toSorted()
    .at(-1);
  return { source: `${records.length} advisories of ${path}, the newest of ${newest?.slice(0, 10)}`, findings };
}

function readRecords(file: string): readonly Osv[] {
  try {
    const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return z.array(Osv).parse(Array.isArray(json) ? json : [json]);
  } catch {
    throw new Error(`${file} is not a JSON file with advisories in the format OSV`);
  }
}

function isAffected({ versions, ranges }: Affected, version: string): boolean {
  if (versions.includes(version)) return true;
  return ranges.some(({ type, events }) => type === 'SEMVER' && isInRange(events, version));
}

/** Each `introduced` begins an interval, which the next `fixed` or `last_affected` ends. */
function isInRange(events: readonly z.output<typeof Event>[], version: string): boolean {
  let isInside = false;
  const versionOf = ({ introduced, fixed, last_affected: last }: z.output<typeof Event>) =>
    introduced ?? fixed ?? last ?? '0';
  // The format does not prescribe their order.
  const ordered = events.toSorted((one, other) => compareVersions(versionOf(one), versionOf(other)));
  for (const { introduced, fixed, last_affected: last } of ordered) {
    if (introduced !== undefined && (introduced === '0' || compareVersions(version, introduced) >= 0)) isInside = true;
    if (fixed !== undefined && compareVersions(version, fixed) >= 0) isInside = false;
    if (last !== undefined && compareVersions(version, last) > 0) isInside = false;
  }
  return isInside;
}

const Bulk = z.record(
  z.string(),
  z.array(
    z.object({
      id: z.number(),
      url: z.string(),
      title: z.string(),
      severity: z.string(),
      vulnerable_versions: z.string(),
    }),
  ),
);
const TIMEOUT_MS = 30_000;

/** Asks the registry for the advisories on the packages. Throws when it does not answer. */
export async function auditByRegistry(registry: URL, installed: readonly Installed[]): Promise<Audit> {
  const url = new URL('-/npm/v1/security/advisories/bulk', registry);
  const byName = Map.groupBy(installed, ({ name }) => name);
  const body = JSON.stringify(
    Object.fromEntries([...byName].map(([name, all]) => [name, all.map(({ version }) => version)])),
  );
  const headers = { 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { method: 'POST', headers, body, signal }).catch(() => null);
  if (response === null) throw new Error(`the registry ${registry.host} cannot be reached`);
  if (!response.ok) throw new Error(`the registry ${registry.host} offers no advisories (status ${response.status})`);
  const advisories = Bulk.safeParse(await response.json().catch(() => null));
  if (!advisories.success) throw new Error(`the registry ${registry.host} answers in an unknown format`);
  const findings = Object.entries(advisories.data).flatMap(([name, all]) =>
    all.flatMap(({ url: id, title, severity, vulnerable_versions: range }) =>
      // With several installed versions, the range says which of them are meant.
      (byName.get(name) ?? []).map((one) => ({
        ...one,
        severity: severityOf(severity),
        id,
        title: `${title} (${range})`,
      })),
    ),
  );
  return { source: `the advisories of ${registry.host}`, findings };
}

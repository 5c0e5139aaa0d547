import { createHash } from 'node:crypto';
import type { DataMap, KindMap, Wording } from './data-map.ts';

/** Does not depend on wording, pace, omitted keys or the order of keys. */
export function dataMapHash({ kinds, segments, ignore }: DataMap): string {
  const maps = {
    user: kinds.user && withoutWordings(kinds.user),
    company: kinds.company && withoutWordings(kinds.company),
  };
  return createHash('sha256')
    .update(JSON.stringify(sortKeys({ kinds: maps, segments, ignore })))
    .digest('hex');
}

function withoutWordings({ aliases, tables, ...map }: KindMap): object {
  return {
    ...withoutWording(map),
    aliases: aliases === undefined ? undefined : withoutWording(aliases),
    tables: tables?.map(withoutWording),
  };
}

const withoutWording = ({ about: _about, columns: _columns, ...rest }: Wording): object => rest;

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => [key, sortKeys(entry)]),
  );
}

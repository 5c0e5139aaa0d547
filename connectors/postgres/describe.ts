import { createHash } from 'node:crypto';
import { DAY_MS } from '../../domain/calendar.ts';
import type { Description } from '../connector.ts';
import { paceOf } from './context.ts';
import type { KindMap, PostgresSettings, Wording } from './data-map/data-map.ts';
import { buildModels } from './data-map/build-models.ts';
import { qualifiedName } from './sql.ts';

/** Describes the system without connecting to it. */
export function describe(settings: PostgresSettings): Description {
  const models = buildModels(settings);
  return {
    kinds: models.map(({ kind }) => kind),
    identityTypes: Object.fromEntries(models.map(({ kind, types }) => [kind, types])),
    actions: { resolve: true, hide: true, segments: settings.segments !== undefined, export: true },
    limits: { batchSize: paceOf(settings).subjectsPerCommit },
    verification: 'reads',
    copies: (settings.materializedViews?.report ?? []).map(qualifiedName),
    completesWithinMs: DAY_MS,
    dataMapHash: dataMapHash(settings),
  };
}

/** Does not depend on wording, pace, omitted keys or the order of keys. */
function dataMapHash({ kinds, segments, ignore }: PostgresSettings): string {
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

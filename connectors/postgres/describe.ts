import { createHash } from 'node:crypto';
import { DAY_MS } from '../../domain/calendar.ts';
import type { Description } from '../connector.ts';
import { pace } from './context.ts';
import type { KindMap, PostgresSettings, Wording } from './data-map/data-map.ts';
import { kindModels } from './data-map/model.ts';

/** What a deployment can know of this system without speaking to it. */
export function describe(settings: PostgresSettings): Description {
  const models = kindModels(settings);
  return {
    kinds: models.map(({ kind }) => kind),
    identityTypes: Object.fromEntries(models.map(({ kind, types }) => [kind, types])),
    actions: { resolve: true, hide: true, segments: settings.segments !== undefined, export: true },
    limits: { batchSize: pace(settings).subjectsPerCommit },
    verification: 'reads',
    completesWithinMs: DAY_MS,
    dataMapHash: dataMapHash(settings),
  };
}

/** Over the meaning of the map, not its spelling: the order of keys, absent settings and words for readers change nothing. */
function dataMapHash({ kinds, segments, ignore }: PostgresSettings): string {
  const plain = { user: kinds.user && wordless(kinds.user), company: kinds.company && wordless(kinds.company) };
  return createHash('sha256')
    .update(JSON.stringify(sorted({ kinds: plain, segments, ignore })))
    .digest('hex');
}

function wordless({ aliases, tables, ...map }: KindMap): object {
  return {
    ...unworded(map),
    aliases: aliases === undefined ? undefined : unworded(aliases),
    tables: tables?.map(unworded),
  };
}

const unworded = ({ about: _about, columns: _columns, ...rest }: Wording): object => rest;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, held]) => held !== undefined);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, held]) => [key, sorted(held)]));
}

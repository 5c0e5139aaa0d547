import { createHash } from 'node:crypto';
import { SUBJECT_KINDS } from '../../domain/vocabulary.ts';
import type { Description } from '../connector.ts';
import { type FilesSettings, batchSizeOf, completesWithinMs, keysOf } from './settings.ts';
import { typesOf } from './validate-settings.ts';

/** Describes the system without connecting to it. */
export function describe(settings: FilesSettings): Description {
  const kinds = SUBJECT_KINDS.filter((kind) => settings.kinds[kind] !== undefined);
  return {
    kinds,
    identityTypes: Object.fromEntries(
      kinds.map((kind) => [kind, typesOf(settings.kinds[kind] ?? { identities: {}, objects: {} })]),
    ),
    actions: {
      resolve: false,
      hide: false,
      restore: false,
      segments: false,
      export: true,
      count: true,
      suppress: false,
      scopes: ['data'],
    },
    limits: { batchSize: batchSizeOf(settings) },
    verification: 'reads',
    copies: settings.copies ?? [],
    completesWithinMs: completesWithinMs(settings),
    dataMapHash: dataMapHash(settings),
  };
}

/** Depends on the place of the objects and on their keys, and not on words or on the order of names. */
function dataMapHash({ at, kinds }: FilesSettings): string {
  const maps = SUBJECT_KINDS.map((kind) => {
    const { identities = {}, objects = {} } = kinds[kind] ?? {};
    return [
      kind,
      Object.entries(identities)
        .map(([name, { match = 'exact', parts = 1 }]) => [name, match, parts])
        .toSorted(byName),
      Object.entries(objects)
        .map(([name, each]) => [name, keysOf(each).toSorted(), each.encode ?? null])
        .toSorted(byName),
    ];
  });
  return createHash('sha256').update(JSON.stringify({ at, maps })).digest('hex');
}

const byName = (a: readonly unknown[], b: readonly unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);

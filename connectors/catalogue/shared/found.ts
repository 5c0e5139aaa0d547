import type { Found, FoundIds, Person } from '../../http/index.ts';

/** The ids of what a look-up yields, per person. People of which it finds nothing have none. */
export async function gatherIds(
  people: readonly Person[],
  rows: AsyncIterable<{ readonly seq: number; readonly row: { readonly id: string | number } }>,
): Promise<FoundIds[]> {
  const ids = new Map<number, string[]>(people.map(({ seq }) => [seq, []]));
  for await (const { seq, row } of rows) ids.get(seq)?.push(String(row.id));
  return [...ids].map(([seq, own]) => ({ seq, ids: own }));
}

/** `count` of a system whose `find` looks up everything. */
export const countFound = async (_api: unknown, _people: unknown, found: Found) =>
  found.seqs.map((seq) => ({ seq, rows: found.of(seq).length }));

/**
 * `left` of a system in which each id can be read: those that were found before the deletion, and those that a new
 * look-up finds. A look-up can still find what is deleted, so it decides nothing by itself.
 */
export async function remaining(found: Found, again: readonly FoundIds[], exists: (id: string) => Promise<boolean>) {
  const left = [];
  for (const { seq, ids } of again) {
    const present: string[] = [];
    for (const id of new Set([...found.of(seq), ...ids])) if (await exists(id)) present.push(id);
    if (present.length > 0) left.push({ seq, ids: present, rows: present.length });
  }
  return left;
}

/** Calls `remove` for each id, and counts those that were still there. */
export async function removeEach(ids: Iterable<string>, remove: (id: string) => Promise<unknown>) {
  let removed = 0;
  for (const id of ids) if ((await remove(id)) !== null) removed += 1;
  return { removed };
}

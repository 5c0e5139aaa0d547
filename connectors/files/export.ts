import type { Batch, ConnectorContext, ExportedTable, ExportOptions, OwnedRows } from '../connector.ts';
import { refused } from './store/failure.ts';
import type { Context } from './context.ts';
import { groups, search } from './search.ts';
import { type Entry, type Session, proceed } from './store/store.ts';
import { type ObjectsModel, modelOf, subjectsOf } from './subjects.ts';

const GROUP = 100;
const BLOCK_BYTES = 1 << 16;

/** What stands behind the name of an entry without contents. */
const SUFFIX: Readonly<Record<Entry['kind'], string>> = {
  object: '',
  marker: ' (deleted)',
  upload: ' (unfinished upload)',
  link: ' (link)',
  folder: ' (empty folder)',
  special: ' (special file)',
};

/** Yields each name of objects as a table of files: current objects and versions whole, and the others as empty files. */
export async function* exportBatch(
  { settings, store }: Context,
  batch: Batch,
  { scope, since }: ExportOptions,
  activity: ConnectorContext,
): AsyncGenerator<ExportedTable> {
  // No object says how it was collected.
  if (scope === 'sources') return;
  const session = await store.begin(activity);
  for (const objects of modelOf(settings, batch.kind)) {
    proceed(activity);
    const task = { session, batch, objects, since, activity };
    if (scope === 'data') yield dataTable(task);
    else {
      const count = await countObjects(task);
      if (count > 0) yield categoryTable(task, count);
    }
  }
}

interface Task {
  readonly session: Session;
  readonly batch: Batch;
  readonly objects: ObjectsModel;
  readonly since: Date | null;
  readonly activity: ConnectorContext;
}

function dataTable(task: Task): ExportedTable {
  const total = { rows: 0, bytes: 0 };
  async function* rows(): AsyncGenerator<OwnedRows> {
    for await (const { seq, entry } of entriesOf(task)) {
      let file: OwnedRows['file'] = { path: `${entry.path}${SUFFIX[entry.kind]}` };
      total.rows += 1;
      for await (const bytes of blocks(entry.kind === 'object' ? task.session.read(entry) : none())) {
        total.bytes += bytes.length;
        yield { owners: [seq], rows: file === undefined ? 0 : 1, bytes, ...(file !== undefined && { file }) };
        file = undefined;
      }
    }
  }
  return { ...tableOf(task), hasFiles: true, rows: rows(), figures: () => total };
}

async function countObjects(task: Task): Promise<number> {
  let count = 0;
  for await (const _ of entriesOf(task)) count += 1;
  return count;
}

const categoryTable = (task: Task, count: number): ExportedTable => ({
  ...tableOf(task, count),
  rows: none(),
  figures: () => ({ rows: count, bytes: 0 }),
});

const tableOf = ({ objects: { name, about }, since }: Task, filled?: number) => ({
  table: name,
  meaning: about,
  columns: [{ name: 'content', type: 'file', meaning: null, source: false, ...(filled !== undefined && { filled }) }],
  windowed: since !== null,
  retained: null,
  anonymised: [],
});

/** Yields the entries of one name, in the order of subjects. Throws if the key of a subject is unknown. */
async function* entriesOf({ session, batch, objects, since, activity }: Task) {
  for await (const group of groups(subjectsOf(batch, [objects]), GROUP)) {
    if (group.some(({ unknown }) => unknown !== null))
      throw refused(`an identity of a subject cannot be part of a key of ${objects.name}`);
    for (const { seq, place, entries } of await search(session, group, activity)) {
      const pages = entries === null ? session.list(place) : [entries];
      for await (const page of pages)
        for (const entry of page) if (since === null || entry.modifiedAt >= since) yield { seq, entry };
    }
  }
}

/** Blocks of at least 64 KiB but for the last. The first one comes also for an empty file. */
async function* blocks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = [];
  let [size, isFirst] = [0, true];
  for await (const piece of bytes) {
    pieces.push(piece);
    size += piece.length;
    if (size < BLOCK_BYTES) continue;
    yield Buffer.concat(pieces);
    [pieces, size, isFirst] = [[], 0, false];
  }
  if (size > 0 || isFirst) yield Buffer.concat(pieces);
}

async function* none(): AsyncGenerator<never> {}

import type { Range } from '../../figures/ranges.ts';
import { columnSql } from '../data-map/column-path.ts';
import { COLLECTED } from '../../data-map/build-models.ts';
import type { Catalog } from '../data-map/catalog.ts';
import { type KindModel, type Target, parentsOf } from '../../data-map/model.ts';
import { aliasOf, selectPerSubject } from '../rows/rows-per-subject.ts';
import { MEMBERS } from '../rows/where.ts';
import { literal } from '../sql.ts';
import type { Session } from '../session.ts';
import { type Members, membersInRange } from './batch-table.ts';

interface CollectingBatch {
  readonly session: Session;
  readonly model: KindModel;
  readonly catalog: Catalog;
  readonly members: Members;
}

/**
 * Adds the keys of the rows that rows of the subjects point to, as long as these still do. Rows that point to other
 * rows are followed from entry to entry. A deletion keeps what it collected, so that a verification finds it again.
 */
export async function collectReferenced(
  { session, model, catalog, members }: CollectingBatch,
  range: Range = { first: members[3], last: members[4] },
): Promise<void> {
  const targets = model.targets.filter(({ referencedBy }) => referencedBy !== undefined);
  if (targets.length === 0) return;
  const rangeMembers = membersInRange(members, range.first, range.last);
  if (!members[2].startsWith('b'))
    await session.run(`DELETE FROM lethe_system.batch WHERE ${MEMBERS} AND type LIKE '${COLLECTED}%'`, rangeMembers);
  for (const target of inOrder(targets)) {
    const type = literal(`${COLLECTED}${target.path}`);
    const found = parentsOf(target, model).map((parent) => {
      const there = (target.referencedBy?.on ?? []).map(([, column]) => columnSql(column, `${aliasOf(parent)}.`));
      const isSet = (prefix: string): string =>
        (target.referencedBy?.on ?? []).map(([, column]) => `${columnSql(column, prefix)} IS NOT NULL`).join(' AND ');
      const value = `ARRAY[${there.map((column) => `${column}::text`).join(', ')}] AS keys`;
      return selectPerSubject(parent, model, catalog, [value], isSet);
    });
    await session.run(
      `INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
       SELECT DISTINCT $1, $2, $3, found.seq, ${type}, found.keys FROM (${found.join(' UNION ALL ')}) AS found
       WHERE (found.seq, found.keys) NOT IN (SELECT seq, value FROM lethe_system.batch WHERE ${MEMBERS} AND type = ${type})`,
      rangeMembers,
    );
  }
}

/** An entry that points to another one is collected before it. */
function inOrder(targets: readonly Target[]): readonly Target[] {
  const depth = (target: Target, seen: readonly Target[] = []): number => {
    const parents = targets.filter((other) => other.table === target.referencedBy?.table && !seen.includes(other));
    return Math.max(0, ...parents.map((parent) => 1 + depth(parent, [...seen, target])));
  };
  return targets.toSorted((a, b) => depth(a) - depth(b));
}

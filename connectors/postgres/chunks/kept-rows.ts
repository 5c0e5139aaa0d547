import { relation } from '../sql.ts';
import type { Target } from '../../data-map/model.ts';
import { anonymisedCondition } from '../rows/anonymise.ts';
import { changesSet } from '../rows/changes.ts';
import { rowsPerSubject } from '../rows/rows-per-subject.ts';
import { notDeleted, where } from '../rows/where.ts';
import { runRedacted } from '../session.ts';
import { type Chunks, membersIn } from './chunks.ts';
import { countsForSubject, countsHere, isStanding } from './count-once.ts';
import type { Unit } from '../../figures/counts.ts';
import { remaining } from '../delete/remaining.ts';
import type { AddedCounts, RowCounts } from '../../figures/row-counts.ts';
import type { SubjectRows } from '../../figures/standing-rows.ts';

/** Changes the rows of an entry that a deletion keeps, and counts those that belong to no deleted entry. */
export async function changeKeptRows(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<void> {
  if (target.retain === undefined) return changeRows(chunks, unit, target, rowCounts);
  const row = await retainRows(chunks, unit, target);
  rowCounts.add(target, { ...row, isStanding: isStanding(target) });
}

/** Detached rows, or the anonymised rows of the subjects. Rows that this range deletes are not changed. */
async function changeRows(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<void> {
  const { model, catalog, session } = chunks.loaded;
  const set = changesSet(target, chunks.context.system, model, catalog);
  if (set === undefined) return;
  const table = relation(target.table);
  const condition = remaining(target, 'data', model, catalog);
  const stays = notDeleted(target.table, model, catalog, {});
  const counted = countsHere(target, model, catalog);
  const count =
    counted === 'true'
      ? '(SELECT count(*) FROM changed)'
      : `(SELECT count(*) FROM ${table} WHERE (${condition}) AND ${counted})`;
  const perSubject =
    target.anonymise === undefined
      ? `'[]'::jsonb`
      : subjectCounts(
          rowsPerSubject(
            target,
            model,
            catalog,
            (prefix) => `NOT ${anonymisedCondition(target, model, catalog, prefix)}`,
          ),
        );
  const changed = await runRedacted<{ rows: number; perSubject: readonly SubjectRows[] }>(
    session,
    `WITH changed AS (UPDATE ${table} SET ${set} WHERE (${condition}) AND ${stays} RETURNING 1)
     SELECT jsonb_build_object('rows', ${count}, 'perSubject', ${perSubject})`,
    batchParameters(chunks, unit),
  );
  rowCounts.add(target, changeOf(target, changed?.rows ?? 0, changed?.perSubject));
}

/** The counts of rows that a deletion changed and kept. */
export const changeOf = (target: Target, rows: number, perSubject: readonly SubjectRows[] = []): AddedCounts =>
  target.detach === undefined
    ? { anonymised: { rows, columns: Object.keys(target.anonymise ?? {}) }, perSubject }
    : { detached: rows };

export const batchParameters = (chunks: Chunks, unit: Unit): readonly (string | number)[] => {
  const { members } = chunks.loaded;
  return [...membersIn(chunks, unit), members[3], members[4]];
};

/** The retained rows of a table, in total and per subject. A row of two subjects counts for both. */
export interface RetainedCount {
  readonly retained: number;
  readonly perSubject: readonly SubjectRows[];
}
export const subjectCounts = (rows: string): string =>
  `(SELECT coalesce(jsonb_agg(jsonb_build_array(seq, rows)), '[]') FROM (${rows}) AS counted)`;

/** The batch table's rows of the subject of `member`, the row that a statement per subject joins. */
const SAME_SUBJECT = 'system = $1 AND request_id = $2 AND batch = $3 AND seq = member.seq';

/** Counts unlinked rows in the pass that unlinks them, and standing rows in every pass. */
async function retainRows(chunks: Chunks, unit: Unit, target: Target): Promise<RetainedCount> {
  const { model, catalog } = chunks.loaded;
  const set = changesSet(target, chunks.context.system, model, catalog);
  const update =
    set === undefined
      ? ''
      : `WITH retained AS (UPDATE ${relation(target.table)} SET ${set} WHERE (${remaining(target, 'data', model, catalog)})
           AND ${notDeleted(target.table, model, catalog, {})} RETURNING 1)`;
  return countRetained(chunks, unit, target, update);
}

/** Counts the retained rows. The snapshot is from before the update, so it contains the rows that the update changes. */
export async function countRetained(chunks: Chunks, unit: Unit, target: Target, update = ''): Promise<RetainedCount> {
  const { session, model, catalog } = chunks.loaded;
  const counted = countsHere(target, model, catalog);
  const own = countsForSubject(target, model, catalog, SAME_SUBJECT);
  const restriction = (prefix: string): string => (own === 'true' ? 'true' : isRowThat(target, prefix, own));
  const rows =
    counted === 'true' && !isStanding(target)
      ? '(SELECT count(*) FROM retained)'
      : `(SELECT count(*) FROM ${relation(target.table)} WHERE (${where(target, model, catalog)}) AND ${counted})`;
  const found = await runRedacted<RetainedCount>(
    session,
    `${update} SELECT jsonb_build_object('retained', ${rows},
       'perSubject', ${subjectCounts(rowsPerSubject(target, model, catalog, restriction))})`,
    batchParameters(chunks, unit),
  );
  return found ?? { retained: 0, perSubject: [] };
}

/** Whether the row of the relation `prefix` meets a condition of the table. */
const isRowThat = (target: Target, prefix: string, condition: string): string =>
  `EXISTS (SELECT FROM ${relation(target.table)} AS kept
     WHERE kept.ctid = ${prefix}ctid AND kept.tableoid = ${prefix}tableoid AND ${condition})`;

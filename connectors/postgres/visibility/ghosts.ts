import { ALIAS } from '../../../domain/identity.ts';
import { columnSql } from '../data-map/column-path.ts';
import type { Value } from '../../data-map/data-map.ts';
import type { KindModel } from '../../data-map/model.ts';
import { ghostKeys } from '../../data-map/reference-changes.ts';
import { constantSql } from '../rows/constants.ts';
import { MEMBERS } from '../rows/where.ts';
import type { Session } from '../session.ts';
import { literal } from '../sql.ts';
import type { Members } from './batch-table.ts';

/** A ghost row takes over rows of deleted subjects, so it can never be a subject itself. Does nothing without ghosts. */
export async function dropGhosts(session: Session, model: KindModel, members: Members): Promise<void> {
  const ghosts = ghostKeys(model).map((key) => key.map((value, index) => equals(`value[${index + 1}]`, value, model)));
  if (ghosts.length === 0) return;
  const isGhost = ghosts.map((parts) => `(${parts.join(' AND ')})`).join(' OR ');
  await session.run(
    `DELETE FROM lethe_system.batch WHERE ${MEMBERS} AND type IN (${literal(model.keyType)}, ${literal(ALIAS)}) AND (${isGhost})`,
    members,
  );
}

/** Excludes ghost rows from the rows `own` of the subject's table. */
export function isNoGhost(model: KindModel): string {
  const ghosts = ghostKeys(model).map((key) =>
    key.map((value, index) => equals(`${columnSql(model.key.columns[index] ?? '', 'own.')}::text`, value, model)),
  );
  return ['true', ...ghosts.map((parts) => `NOT (${parts.join(' AND ')})`)].join(' AND ');
}

/** As the key compares, because the ghost of the data map is written in any form. */
function equals(column: string, value: Value | null, { key: { comparison } }: KindModel): string {
  if (value === null) return 'true';
  const constant = constantSql(value);
  if (comparison === 'uuid') return `replace(lower(${column}), '-', '') = replace(lower(${constant}), '-', '')`;
  return comparison === 'caseInsensitive' ? `lower(${column}) = lower(${constant})` : `${column} = ${constant}`;
}

import { type Selection, ConnectorError } from '../../connector.ts';
import { comparable, typeOf } from '../catalog/columns.ts';
import { ident, literal, relation } from '../sql.ts';
import type { Parameter } from '../session.ts';
import { isSubject, keyNames, keySelect, keyTexts } from './matches.ts';
import { type Resolution, SUBJECTS } from './resolution.ts';

/** One statement that selects the subjects of a segment, or all. Hidden subjects are excluded. */
export function selectionStatement(
  resolution: Resolution,
  selection: Selection,
): { readonly sql: string; readonly values: readonly Parameter[] } {
  const { model, catalog, context } = resolution;
  const names = keyNames(model).join(', ');
  const visible = `${visibleCondition(resolution)} AND ${isSubject(model, catalog)}`;
  const sql = (from: string, condition: string): string =>
    `INSERT INTO ${SUBJECTS} (seq, type, ${names})
     SELECT ROW_NUMBER() OVER (ORDER BY ${names}), 'key', ${names} FROM (
       SELECT DISTINCT ${keySelect(model, catalog)} FROM ${from} WHERE ${condition}) AS selected`;
  const own = `${relation(model.map.table)} AS own`;
  if (selection.by !== 'segment') return { sql: sql(own, visible), values: [] };
  const { segments } = context.settings;
  if (segments === undefined || selection.kind !== 'user')
    throw new ConnectorError('refused', 'the data map has no segments for this kind of subject', { retryable: false });
  const joins = [segments.subject].flat().map((column, index) => {
    const key = model.key.columns[index] ?? '';
    const type = typeOf(catalog, model.map.table, key);
    return `own.${ident(key)} = ${comparable(`segment.${ident(column)}`, type, typeOf(catalog, segments.table, column))}`;
  });
  const from = `${relation(segments.table)} AS segment STRAIGHT_JOIN ${own} ON ${joins.join(' AND ')}`;
  // The name of a segment is not an identity. No other text of a request is bound as a parameter of these statements.
  return { sql: sql(from, `segment.${ident(segments.segment)} = ? AND ${visible}`), values: [selection.segment] };
}

/** A misspelled segment is an error, never an empty segment. */
export async function requireSegment({ context, session }: Resolution, selection: Selection): Promise<void> {
  const { segments } = context.settings;
  if (selection.by !== 'segment' || segments === undefined) return;
  for (const { table, segment } of segments.list === undefined ? [segments] : [segments, segments.list]) {
    const found = await session.rows(`SELECT 1 FROM ${relation(table)} WHERE ${ident(segment)} = ? LIMIT 1`, [
      selection.segment,
    ]);
    if (found.length > 0) return;
  }
  throw new ConnectorError('unknown_segment', 'the directory has no segment of this name', { retryable: false });
}

/** Uses the soft-delete column, or the tombstones when the kind has none. */
function visibleCondition({ model, catalog, context }: Resolution): string {
  if (model.map.softDelete !== undefined) {
    const { column } = model.map.softDelete;
    const { family } = typeOf(catalog, model.map.table, column);
    return `own.${ident(column)} IS ${family === 'boolean' ? 'NOT TRUE' : 'NULL'}`;
  }
  const [system, kind, type] = [context.system, model.kind, model.keyType].map(literal);
  const key = `CONCAT_WS(CHAR(1 USING utf8mb4) COLLATE utf8mb4_bin, ${keyTexts(model, catalog).join(', ')})`;
  return `NOT EXISTS (SELECT 1 FROM lethe_tombstones AS t WHERE t.hidden AND t.digest = lethe_digest(${system}, ${kind}, ${type}, ${key}))`;
}

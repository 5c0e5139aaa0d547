import { type Selection, ConnectorError } from '../../connector.ts';
import { typeOf } from '../data-map/catalog.ts';
import type { Resolution } from './resolution.ts';
import { ident, literal, relation } from '../sql.ts';

/** One statement that copies the subjects of a segment, or all, to the batch table. Hidden subjects are excluded. */
export function selectionStatement(
  resolution: Resolution,
  selection: Selection,
): { sql: string; values: readonly unknown[] } {
  const { model, context, subjects } = resolution;
  const key = ident(model.key.columns[0] ?? '');
  const visible = visibleCondition(resolution);
  const values = [subjects[0], subjects[1], subjects[2]];
  const sql = (members: string): string =>
    `INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
     SELECT $1, $2, $3, row_number() OVER (ORDER BY key), 'key', ARRAY[key::text]
     FROM (SELECT own.${key} AS key FROM ${relation(model.map.table)} AS own WHERE ${visible}${members}) AS selected`;
  if (selection.by !== 'segment') return { sql: sql(''), values };
  const { segments } = context.settings;
  if (segments === undefined || selection.kind !== 'user')
    throw new ConnectorError('refused', 'the data map has no segments for this kind of subject', { retryable: false });
  // The name of a segment is not an identity. No other text of a request is bound as a parameter.
  const members = ` AND own.${key} IN (SELECT ${ident(segments.subject)} FROM ${relation(segments.table)} WHERE ${ident(segments.segment)}::text = $4)`;
  return { sql: sql(members), values: [...values, selection.by === 'segment' ? selection.segment : ''] };
}

/** Uses the soft-delete column, or the tombstones when the kind has none. */
function visibleCondition({ model, catalog, context }: Resolution): string {
  const key = ident(model.key.columns[0] ?? '');
  if (model.map.softDelete !== undefined) {
    const { column } = model.map.softDelete;
    const boolean = typeOf(catalog, model.map.table, column).base === 'bool';
    return `own.${ident(column)} IS ${boolean ? 'NOT TRUE' : 'NULL'}`;
  }
  const [system, kind, type] = [context.system, model.kind, model.keyType].map(literal);
  return `NOT EXISTS (SELECT FROM lethe_system.tombstones AS t WHERE t.hidden AND t.digest = lethe_system.digest(${system}, ${kind}, ${type}, ARRAY[own.${key}::text]))`;
}

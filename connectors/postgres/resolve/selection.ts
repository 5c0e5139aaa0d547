import { type Selection, ConnectorError } from '../../connector.ts';
import { typeOf } from '../data-map/catalog.ts';
import { isSubject, keyTexts } from './matches.ts';
import type { Resolution } from './resolution.ts';
import { ident, literal, relation } from '../sql.ts';

/** One statement that copies the subjects of a segment, or all, to the batch table. Hidden subjects are excluded. */
export function selectionStatement(
  resolution: Resolution,
  selection: Selection,
): { sql: string; values: readonly unknown[] } {
  const { model, context, subjects } = resolution;
  const visible = `${visibleCondition(resolution)} AND ${isSubject(model, resolution.catalog)}`;
  const keys = model.key.columns.map((column) => `own.${ident(column)}`);
  const names = keys.map((_, index) => `key_${index}`);
  const values = [subjects[0], subjects[1], subjects[2]];
  const sql = (members: string): string =>
    `INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
     SELECT $1, $2, $3, row_number() OVER (ORDER BY ${names.join(', ')}), 'key', ARRAY[${names.map((each) => `${each}::text`).join(', ')}]
     FROM (SELECT ${keys.map((key, index) => `${key} AS ${names[index] ?? ''}`).join(', ')} FROM ${relation(model.map.table)} AS own WHERE ${visible}${members}) AS selected`;
  if (selection.by !== 'segment') return { sql: sql(''), values };
  const { segments } = context.settings;
  if (segments === undefined || selection.kind !== 'user')
    throw new ConnectorError('refused', 'the data map has no segments for this kind of subject', { retryable: false });
  // The name of a segment is not an identity. No other text of a request is bound as a parameter.
  const subject = [segments.subject].flat().map(ident).join(', ');
  const members = ` AND (${keys.join(', ')}) IN (SELECT ${subject} FROM ${relation(segments.table)} WHERE ${ident(segments.segment)}::text = $4)`;
  return { sql: sql(members), values: [...values, selection.by === 'segment' ? selection.segment : ''] };
}

/** Asks whether a segment exists, as one row. Null if the data map has no segments, or the selection is another one. */
export function segmentQuery(
  { context }: Pick<Resolution, 'context'>,
  selection: Selection,
): { readonly sql: string; readonly values: readonly unknown[] } | null {
  const { segments } = context.settings;
  if (selection.by !== 'segment' || segments === undefined) return null;
  const places = segments.list === undefined ? [segments] : [segments, segments.list];
  const names = places.map(
    ({ table, segment }) => `EXISTS (SELECT FROM ${relation(table)} WHERE ${ident(segment)}::text = $1)`,
  );
  return { sql: `SELECT ${names.join(' OR ')} AS "exists"`, values: [selection.segment] };
}

/** Uses the soft-delete column, or the tombstones when the kind has none. */
function visibleCondition({ model, catalog, context }: Resolution): string {
  if (model.map.softDelete !== undefined) {
    const { column } = model.map.softDelete;
    const boolean = typeOf(catalog, model.map.table, column).base === 'bool';
    return `own.${ident(column)} IS ${boolean ? 'NOT TRUE' : 'NULL'}`;
  }
  const [system, kind, type] = [context.system, model.kind, model.keyType].map(literal);
  return `NOT EXISTS (SELECT FROM lethe_system.tombstones AS t WHERE t.hidden AND t.digest = lethe_system.digest(${system}, ${kind}, ${type}, ${keyTexts(model)}))`;
}

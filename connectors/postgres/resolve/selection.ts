import { type Selection, ConnectorError } from '../../connector.ts';
import { typeOf } from '../data-map/catalog.ts';
import type { Resolving } from './types.ts';
import { ident, literal, relation } from '../sql.ts';

/** The subjects of a segment, or all: frozen into the batch table by one statement. Who is hidden is not part. */
export function selectionStatement(
  resolving: Resolving,
  selection: Selection,
): { sql: string; values: readonly unknown[] } {
  const { model, context, subjects } = resolving;
  const key = ident(model.key.columns[0] ?? '');
  const shown = shownCondition(resolving);
  const values = [subjects[0], subjects[1], subjects[2]];
  const sql = (members: string): string =>
    `INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
     SELECT $1, $2, $3, row_number() OVER (ORDER BY key), 'key', ARRAY[key::text]
     FROM (SELECT own.${key} AS key FROM ${relation(model.map.table)} AS own WHERE ${shown}${members}) AS selected`;
  if (selection.by !== 'segment') return { sql: sql(''), values };
  const { segments } = context.settings;
  if (segments === undefined || selection.kind !== 'user')
    throw new ConnectorError('refused', 'this system lists no segments of this kind', { retryable: false });
  // The name of a segment is no identity, and the only text from a request that is ever bound.
  const members = ` AND own.${key} IN (SELECT ${ident(segments.subject)} FROM ${relation(segments.table)} WHERE ${ident(segments.segment)}::text = $4)`;
  return { sql: sql(members), values: [...values, selection.by === 'segment' ? selection.segment : ''] };
}

/** By the column that setVisibility sets; where a kind has none, by the tombstones. */
function shownCondition({ model, catalog, context }: Resolving): string {
  const key = ident(model.key.columns[0] ?? '');
  if (model.map.softDelete !== undefined) {
    const { column } = model.map.softDelete;
    const boolean = typeOf(catalog, model.map.table, column).base === 'bool';
    return `own.${ident(column)} IS ${boolean ? 'NOT TRUE' : 'NULL'}`;
  }
  const [system, kind, type] = [context.system, model.kind, model.keyType].map(literal);
  return `NOT EXISTS (SELECT FROM lethe_system.tombstones AS t WHERE t.hidden AND t.digest = lethe_system.digest(${system}, ${kind}, ${type}, ARRAY[own.${key}::text]))`;
}

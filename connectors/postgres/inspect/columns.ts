import type { ConfigError } from '../../connector.ts';
import { isTimestamp, isInteger, isSupported, isText } from '../data-map/cast.ts';
import type { ColumnType } from '../data-map/catalog.ts';
import type { Inspection } from './inspection.ts';
import { type Named, namedColumns } from '../data-map/named.ts';
import { clearableColumn } from '../delete/clear-columns.ts';
import { canonical } from '../sql.ts';

/** Every column that the map names exists and is of a type that can do what is asked of it. */
export function checkColumns(inspection: Inspection): readonly ConfigError[] {
  const { catalog, relations, context } = inspection;
  const named = namedColumns(context.settings).filter(({ table }) => relations.has(table));
  const found = named.flatMap((each) =>
    each.columns.flatMap((column) => {
      const type = catalog.columns.get(each.table)?.get(column);
      const message = type === undefined ? `${each.table} has no column ${column}` : wrong(each, column, type);
      return message === undefined ? [] : [{ path: each.path, message }];
    }),
  );
  return [...found, ...checkUnlinks(inspection)];
}

function wrong({ use, comparison, declares }: Named, column: string, type: ColumnType): string | undefined {
  switch (use) {
    case 'flag':
      if (type.base !== 'bool' && !isTimestamp(type))
        return `${column} is ${type.full}: it must be a timestamp, a date or a boolean`;
      return type.notNull && type.base !== 'bool' ? `${column} cannot be NULL, so nobody could be restored` : undefined;
    case 'blank':
      return type.notNull ? `${column} cannot be NULL, so it cannot be blanked` : undefined;
    case 'source':
      return clearableColumn(column, type) === undefined
        ? `${column} cannot be emptied: it can be neither NULL nor a constant default, or other rows hang on it`
        : undefined;
    case 'time':
      return isTimestamp(type) ? undefined : `${column} is ${type.full}: it must be a timestamp or a date`;
    case 'key':
    case 'find':
      if (!isSupported(type)) return `${column} is ${type.full}: text, uuid and integer types can name a subject`;
      return declares ? unsuited(column, type, comparison) : undefined;
    case 'join':
    case 'read':
      return undefined;
  }
}

/** One subject has one normalised value: what the ledger digests is what this column says (rule 10). */
function unsuited(column: string, type: ColumnType, comparison: Named['comparison']): string | undefined {
  if (type.base === 'citext') return suits(comparison === 'caseInsensitive', column, type, 'caseInsensitive');
  if (type.base === 'uuid') return suits(comparison === 'uuid', column, type, 'uuid');
  if (isInteger(type)) return suits(comparison === 'integer', column, type, 'integer');
  if (isText(type)) return suits(comparison === 'exact' || comparison === 'caseInsensitive', column, type, 'exact');
  return undefined;
}

const suits = (does: boolean, column: string, type: ColumnType, match: string): string | undefined =>
  does ? undefined : `${column} is ${type.full}: declare match: '${match}'`;

function checkUnlinks({ context, catalog }: Inspection): ConfigError[] {
  return context.models.flatMap((model) =>
    model.targets.flatMap((target) => {
      if (target.retain?.unlink === undefined) return [];
      const columns = [
        ...target.matches.flatMap((match) => match.columns),
        ...(target.via?.on ?? []).map(([mine]) => mine),
      ];
      return columns.flatMap((column) => {
        const type = catalog.columns.get(canonical(target.table))?.get(column);
        const message = type === undefined ? undefined : cannotUnlink(target.retain?.unlink, column, type);
        return message === undefined ? [] : [{ path: `${target.path}.retain.unlink`, message }];
      });
    }),
  );
}

/** `deleted-` and 32 digits. */
const PSEUDONYM_LENGTH = 40;

function cannotUnlink(unlink: 'null' | 'pseudonym' | undefined, column: string, type: ColumnType): string | undefined {
  if (unlink === 'null') return type.notNull ? `${column} cannot be NULL: use a pseudonym` : undefined;
  const length = /\((\d+)\)/.exec(type.full)?.[1];
  const fits =
    type.base === 'uuid' ||
    type.base === 'int8' ||
    (isText(type) && Number(length ?? PSEUDONYM_LENGTH) >= PSEUDONYM_LENGTH);
  return fits
    ? undefined
    : `${column} is ${type.full}: a pseudonym needs text of ${PSEUDONYM_LENGTH} characters, uuid or bigint`;
}

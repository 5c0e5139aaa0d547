import type { ConfigError } from '../../connector.ts';
import { type Inspection, oidsOf } from './inspection.ts';
import { type KindModel, type Target, linkColumns } from '../data-map/model.ts';
import { qualifiedName } from '../sql.ts';

interface ForeignKey {
  readonly name: string;
  readonly child: string;
  readonly childColumns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  /** pg_constraint.confdeltype: a no action, r restrict, c cascade, n set null, d set default. */
  readonly onDelete: string;
}

/** Checks that ON DELETE actions of the database change no rows that the receipt does not count. */
export async function checkForeignKeys(inspection: Inspection): Promise<readonly ConfigError[]> {
  const keys = await inspection.session.rows<ForeignKey>(FOREIGN_KEYS, [oidsOf(inspection)]);
  return inspection.context.models.flatMap((model) =>
    model.targets.flatMap((parent) =>
      keys
        .filter((key) => key.parent === qualifiedName(parent.table))
        .flatMap((key) => checkForeignKey(key, parent, model)),
    ),
  );
}

function checkForeignKey(key: ForeignKey, parent: Target, model: KindModel): ConfigError[] {
  const children = model.targets.filter((target) => qualifiedName(target.table) === key.child);
  if (key.onDelete === 'n' || key.onDelete === 'd') {
    const action = key.onDelete === 'n' ? 'SET NULL' : 'SET DEFAULT';
    return [
      {
        path: parent.path,
        message: `${key.child} references ${key.parent} ON DELETE ${action}: its rows would be orphaned; use ON DELETE NO ACTION`,
      },
    ];
  }
  // Rows of a retained table are not deleted, so nothing cascades from them.
  if (parent.retain !== undefined) return [];
  if (key.onDelete === 'c') return checkCascade(key, parent, children, model);
  return children.filter(({ retain }) => retain !== undefined).flatMap((child) => checkRetained(key, child));
}

/** Allows CASCADE only where Lethe deletes the same rows itself, before the cascade. */
function checkCascade(key: ForeignKey, parent: Target, children: readonly Target[], model: KindModel): ConfigError[] {
  const error = (reason: string): ConfigError[] => [
    { path: parent.path, message: `${key.child} references ${key.parent} ON DELETE CASCADE, ${reason}` },
  ];
  if (children.length === 0)
    return error(
      `and is not mapped for ${model.kind}: its rows would be deleted without being counted; map it, or use ON DELETE NO ACTION`,
    );
  if (children.some(({ retain }) => retain !== undefined))
    return error('and is retained: its rows would be deleted; use ON DELETE NO ACTION');
  const deletesSameRows = children.some((child) => joinsByKey(key, child) || referencesSubject(key, parent, child));
  return deletesSameRows
    ? []
    : error(
        'by columns that the data map does not use: it would delete rows of other subjects; use ON DELETE NO ACTION',
      );
}

const joinsByKey = (key: ForeignKey, child: Target): boolean =>
  child.via !== undefined &&
  qualifiedName(child.via.table) === key.parent &&
  child.via.on.length > 0 &&
  child.via.on.every(([here, there]) =>
    key.childColumns.some((column, i) => column === here && key.parentColumns[i] === there),
  );

const referencesSubject = (key: ForeignKey, parent: Target, child: Target): boolean =>
  parent.role === 'subject' &&
  key.childColumns.length === 1 &&
  parent.matches.some(({ columns }) => columns[0] === key.parentColumns[0]) &&
  child.matches.some(
    ({ columns, types }) =>
      columns.length === 1 &&
      columns[0] === key.childColumns[0] &&
      types.some((type) => parent.matches[0]?.types.includes(type)),
  );

/** A retained row that references a deleted one has to lose that reference. */
function checkRetained(key: ForeignKey, child: Target): ConfigError[] {
  const path = `${child.path}.retain.unlink`;
  const { retain } = child;
  const references = `${key.child} references ${key.parent} by ${key.childColumns.join(', ')}`;
  const blanked = key.childColumns.some((column) => retain?.blank?.includes(column) === true);
  if (blanked) return [];
  if (retain?.unlink === undefined)
    return [{ path, message: `${references}, whose rows are deleted; set retain.unlink for this foreign key` }];
  if (!key.childColumns.some((column) => linkColumns(child).includes(column)))
    return [{ path, message: `${references}, which unlink does not change; add it to retain.blank` }];
  return retain.unlink === 'pseudonym'
    ? [{ path, message: `${references}: a foreign key cannot hold a pseudonym; set unlink: 'null'` }]
    : [];
}

const FOREIGN_KEYS = `
  SELECT k.conname::text AS name, cn.nspname || '.' || c.relname AS child, pn.nspname || '.' || p.relname AS parent,
         k.confdeltype::text AS "onDelete",
         ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(num, i)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.i) AS "childColumns",
         ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(num, i)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.i) AS "parentColumns"
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
  JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY ($1::oid[]) ORDER BY 2, 1`;

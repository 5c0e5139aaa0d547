import type { ConfigError } from '../../connector.ts';
import { columnPath, qualifiedName } from '../names.ts';
import {
  type KindModel,
  type Target,
  columnsOf,
  isDeleted,
  linkColumns,
  parentsOf,
  qualifiedColumn,
} from '../model.ts';
import { changedColumns, ghostKeys } from '../reference-changes.ts';

/** Checks what an entry does with rows that a deletion keeps, without a connection. */
export function checkEffect(target: Target, model: KindModel): ConfigError[] {
  return [
    ...checkOmit(target, model),
    ...checkRetain(target),
    ...checkDetach(target, model),
    ...checkAnonymise(target, model),
    ...checkPointing(target, model),
  ];
}

/** The values of an identity leave the database: they are stored with a request, and its list of subjects shows them. */
function checkOmit({ path, table, role, omit }: Target, { key, map }: KindModel): ConfigError[] {
  const identities = [...key.columns, ...Object.values(map.identities ?? {}).flatMap(columnsOf)];
  return omit.flatMap((name, index) =>
    role === 'subject' && identities.includes(name)
      ? [
          {
            path: `${path}.omit.${index}`,
            message: `${qualifiedColumn(table, name)} is an identity, and requests list its values; remove it from omit, or from the identities`,
          },
        ]
      : [],
  );
}

function checkRetain({ path, retain, matches, via, referencedBy }: Target): ConfigError[] {
  if (retain === undefined) return [];
  const columns = via?.on.length ?? matches[0]?.columns.length ?? 0;
  if (retain.unlink === 'pseudonym' && columns > 1)
    return [{ path: `${path}.retain.unlink`, message: 'a pseudonym replaces one column; this subject has several' }];
  const { reassign } = retain;
  if (reassign === undefined) return [];
  if (via !== undefined || referencedBy !== undefined)
    return [{ path: `${path}.retain.reassign`, message: 'needs subject: a ghost row replaces the subject of a row' }];
  return columns > 1 && typeof reassign !== 'object'
    ? [{ path: `${path}.retain.reassign`, message: 'must be an object with the value of each column' }]
    : [];
}

/** A change that leaves every link column as it is would detach nothing. */
function checkDetach(target: Target, model: KindModel): ConfigError[] {
  const { path, detach, via, referencedBy, matches, sources } = target;
  if (detach === undefined) return [];
  const at = `${path}.detach`;
  const links = linkColumns(target);
  const errors: ConfigError[] = [];
  if (referencedBy !== undefined)
    errors.push({ path: at, message: 'cannot be combined with referencedBy: these rows belong to the subject' });
  if (sources.length > 0)
    errors.push({ path: `${path}.sources`, message: 'must be empty: the rows of this entry belong to another person' });
  for (const name of Object.keys(detach))
    if (!links.includes(name))
      errors.push({
        path: `${at}.${name}`,
        message: `does not relate rows to the subject; use one of ${links.join(', ')}`,
      });
  for (const [name, to] of Object.entries(detach)) {
    const isGhost = typeof to === 'object' && to !== null;
    if (isGhost && via !== undefined)
      errors.push({ path: `${at}.${name}`, message: 'needs subject: a ghost is a row of the subject’s table' });
    if (matches.some(({ isArray }) => isArray === true) && !isGhost && to !== null)
      errors.push({
        path: `${at}.${name}`,
        message: 'must be null, which removes the key from the array, or { ghost }',
      });
  }
  const ghosts = ghostKeys(model);
  return ghosts.some((key) => key.length !== model.key.columns.length)
    ? [...errors, { path: at, message: 'a ghost needs a value for each column of the key' }]
    : errors;
}

/** Lethe finds the row by its key, before and after. */
function checkAnonymise({ path, anonymise, table }: Target, { key, map }: KindModel): ConfigError[] {
  const fixed = [...key.columns, ...(map.softDelete === undefined ? [] : [map.softDelete.column])];
  return Object.keys(anonymise ?? {})
    .filter((name) => fixed.includes(name) || columnPath(name).keys.length > 0)
    .map((name) => ({
      path: `${path}.anonymise.${name}`,
      message: `${qualifiedColumn(table, name)} cannot be anonymised: it is the key, the soft-delete column or a part of a document`,
    }));
}

/** Rows are deleted when no row points to them any more. Kept rows that point to them as before would keep all of them. */
function checkPointing(target: Target, model: KindModel): ConfigError[] {
  const { referencedBy, path } = target;
  if (referencedBy === undefined || !isDeleted(target)) return [];
  const columns = referencedBy.on.map(([, column]) => column);
  const kept = parentsOf(target, model).filter(
    (parent) => !isDeleted(parent) && !changedColumns(parent).some((column) => columns.includes(column)),
  );
  if (kept.length === 0 || kept.length < parentsOf(target, model).length) return [];
  const key = kept.some(({ anonymise }) => anonymise !== undefined) ? 'anonymise' : 'retain.blank';
  const message = `the rows of ${qualifiedName(referencedBy.table)} are kept and still point to these rows, so they would never be deleted; add ${columns.join(', ')} to ${key} there, or set retain here`;
  return [{ path: `${path}.referencedBy`, message }];
}

import type { DataMap } from '../data-map.ts';
import { ALIAS } from '../../../domain/identity.ts';
import type { ConfigError } from '../../connector.ts';
import { closest } from '../../similar-names.ts';
import { buildModels } from '../build-models.ts';
import {
  type KindModel,
  type Target,
  columnsOf,
  isDeleted,
  isRecursive,
  isSameTable,
  linkColumns,
  parentsOf,
  qualifiedColumn,
} from '../model.ts';
import { checkEffect } from './effects.ts';
import { qualifiedName } from '../names.ts';

/** Checks each name in the data map that refers to another part of it. */
export function checkReferences(settings: DataMap): readonly ConfigError[] {
  const models = buildModels(settings);
  const mapped = new Set(models.flatMap((model) => model.targets.map(({ table }) => qualifiedName(table))));
  const errors: ConfigError[] = models.flatMap((model) => [...checkKind(model), ...checkOtherSubjects(model, models)]);
  if (settings.segments !== undefined && settings.kinds.user === undefined)
    errors.push({ path: 'segments', message: 'needs kinds.user: segments contain users' });
  const parts = models.find(({ kind }) => kind === 'user')?.key.columns.length ?? 1;
  if (settings.segments !== undefined && [settings.segments.subject].flat().length !== parts)
    errors.push({ path: 'segments.subject', message: `must have ${parts} columns, as the key of the users has` });
  for (const [index, { table }] of (settings.ignore ?? []).entries())
    if (mapped.has(qualifiedName(table)))
      errors.push({
        path: `ignore.${index}.table`,
        message: `${qualifiedName(table)} is mapped; a mapped table cannot be ignored`,
      });
  return errors;
}

function checkKind(model: KindModel): ConfigError[] {
  const path = `kinds.${model.kind}`;
  const { map } = model;
  const errors: ConfigError[] = [];
  if (model.keyType === ALIAS) errors.push({ path: `${path}.key`, message: 'the name alias is reserved for aliases' });
  for (const type of Object.keys(map.identities ?? {}))
    if (type === ALIAS || type === model.keyType)
      errors.push({ path: `${path}.identities.${type}`, message: 'the name is reserved for aliases or for the key' });
  if (map.aliases !== undefined && model.key.columns.length > 1)
    errors.push({
      path: `${path}.aliases`,
      message: 'needs a key of one column; map the table of aliases under tables',
    });
  for (const target of model.targets) {
    errors.push(...checkSources(target, model), ...checkLink(target, model), ...checkSubject(target, model));
    errors.push(...checkEffect(target, model));
  }
  return errors;
}

/** The table of a kind has one row per subject, so an entry for it would delete, or export and change, other subjects. */
function checkOtherSubjects({ kind, targets }: KindModel, models: readonly KindModel[]): ConfigError[] {
  return targets.flatMap((target) => {
    const other = models.find(({ map }) => isSameTable(map.table, target.table));
    if (other === undefined || target.role !== 'table' || target.detach !== undefined) return [];
    const detach = linkColumns(target).map((column) => `${column}: null`);
    const others = other.kind === kind ? `other subjects` : `subjects of kind ${other.kind}`;
    const message = `${qualifiedName(target.table)} has one row per ${other.kind}, so this entry would ${isDeleted(target) ? 'delete' : 'export and change'} ${others}; set detach: { ${detach.join(', ')} } if these rows only refer to the ${kind}`;
    return [{ path: target.path, message }];
  });
}

function checkLink(target: Target, model: KindModel): ConfigError[] {
  const link = target.via ?? target.referencedBy;
  if (link === undefined) return [];
  const path = `${target.path}.${target.via === undefined ? 'referencedBy' : 'via'}.table`;
  if (parentsOf(target, model).length === 0)
    return [
      {
        path,
        message: `${qualifiedName(link.table)} has no other entry for ${model.kind}; map it first${misspelled(link.table, model)}`,
      },
    ];
  if (target.referencedBy !== undefined && isSameTable(link.table, target.table)) {
    const on = link.on.map(([here, there]) => `${here}: '${there}'`).join(', ');
    const via = `via: { table: '${qualifiedName(link.table)}', on: { ${on} } }`;
    return [{ path, message: `is the table of this entry; use ${via}, which follows the rows to any depth` }];
  }
  const circular = isCircular(target, model, []) && !isRecursive(target);
  return circular ? [{ path, message: 'leads back to this table through via' }] : [];
}

/** Names the entry whose table is written almost like the missing one. Only the database knows which of them exists. */
function misspelled(table: string, { targets }: KindModel): string {
  const name = closest(
    qualifiedName(table),
    targets.map((target) => qualifiedName(target.table)),
  );
  const entry = targets.find((target) => name !== null && isSameTable(target.table, name));
  return entry === undefined
    ? ''
    : `, or write one name in both places: ${entry.path}.table is ${qualifiedName(entry.table)}`;
}

/** A cleared lookup column would no longer find its rows. */
const checkSources = (target: Target, model: KindModel): ConfigError[] =>
  target.sources
    .filter((column) => model.lookupColumns.has(qualifiedColumn(target.table, column)))
    .map((column) => ({ path: `${target.path}.sources`, message: `${column} finds rows, so it cannot be cleared` }));

function isCircular(target: Target, model: KindModel, seen: readonly string[]): boolean {
  if (seen.includes(target.path)) return true;
  const parents = parentsOf(target, model).filter((parent) => !isRecursive(target) || !isRecursive(parent));
  return parents.some((parent) => isCircular(parent, model, [...seen, target.path]));
}

/** The columns of a subject must be as many as those of the identity that they hold. */
function checkSubject(target: Target, model: KindModel): ConfigError[] {
  if (target.role !== 'table' || target.referencedBy !== undefined) return [];
  const path = `${target.path}.subject`;
  return target.matches.flatMap(({ columns, types: [type = ''] }) => {
    const { parts } = model.types[type] ?? {};
    if (parts === undefined)
      return [{ path: `${path}.identity`, message: `${type} is not declared under kinds.${model.kind}.identities` }];
    if (parts === columns.length) return [];
    const names =
      model.keyType === type ? model.key.columns : columnsOf(model.map.identities?.[type] ?? { columns: [] });
    return [{ path: `${path}.columns`, message: `must have ${parts} columns, in the order of ${names.join(', ')}` }];
  });
}

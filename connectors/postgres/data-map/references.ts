import { ALIAS } from '../../../domain/identity.ts';
import type { ConfigError } from '../../connector.ts';
import type { PostgresSettings, TableMap } from './data-map.ts';
import { type KindModel, type Target, columnsOf, buildModels, parentsOf, qualifiedColumn } from './model.ts';
import { qualifiedName } from '../sql.ts';

/** Checks each name in the data map that refers to another part of it. */
export function checkReferences(settings: PostgresSettings): readonly ConfigError[] {
  const models = buildModels(settings);
  const mapped = new Set(models.flatMap((model) => model.targets.map(({ table }) => qualifiedName(table))));
  const errors: ConfigError[] = models.flatMap(checkKind);
  if (settings.segments !== undefined && settings.kinds.user === undefined)
    errors.push({ path: 'segments', message: 'needs kinds.user: segments contain users' });
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
  for (const target of model.targets) {
    errors.push(...checkSources(target, model));
    if (target.via === undefined) continue;
    if (parentsOf(target, model).length === 0)
      errors.push({
        path: `${target.path}.via.table`,
        message: `${qualifiedName(target.via.table)} is not mapped for ${model.kind}`,
      });
    else if (model.targets.some((other) => other === target && isCircular(other, model, [])))
      errors.push({ path: `${target.path}.via.table`, message: 'leads back to this table through via' });
  }
  for (const [index, table] of (map.tables ?? []).entries())
    errors.push(...checkTable(table, `${path}.tables.${index}`, model));
  return errors;
}

/** A cleared lookup column would no longer find its rows. */
const checkSources = (target: Target, model: KindModel): ConfigError[] =>
  target.sources
    .filter((column) => model.lookupColumns.has(qualifiedColumn(target.table, column)))
    .map((column) => ({ path: `${target.path}.sources`, message: `${column} finds rows, so it cannot be cleared` }));

function isCircular(target: KindModel['targets'][number], model: KindModel, seen: readonly string[]): boolean {
  if (seen.includes(target.path)) return true;
  return parentsOf(target, model).some((parent) => isCircular(parent, model, [...seen, target.path]));
}

function checkTable(table: TableMap, path: string, model: KindModel): ConfigError[] {
  const errors: ConfigError[] = [];
  const { subject, retain } = table;
  if (typeof subject === 'object' && 'identity' in subject) {
    const identity = model.map.identities?.[subject.identity];
    if (identity === undefined)
      errors.push({
        path: `${path}.subject.identity`,
        message: `${subject.identity} is not declared under kinds.${model.kind}.identities`,
      });
    else if (columnsOf(identity).length !== subject.columns.length)
      errors.push({
        path: `${path}.subject.columns`,
        message: `must have ${columnsOf(identity).length} columns, as the identity has`,
      });
    if (retain?.unlink === 'pseudonym' && subject.columns.length > 1)
      errors.push({
        path: `${path}.retain.unlink`,
        message: 'a pseudonym replaces one column; this subject has several',
      });
  }
  return errors;
}

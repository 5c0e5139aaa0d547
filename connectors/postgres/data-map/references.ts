import { ALIAS } from '../../../domain/identity.ts';
import type { ConfigError } from '../../connector.ts';
import type { PostgresSettings, TableMap } from './data-map.ts';
import { type KindModel, type Target, columnsOf, kindModels, parentsOf, placeOf } from './model.ts';
import { canonical } from '../sql.ts';

/** Names in the data map that refer to something else in it. */
export function checkReferences(settings: PostgresSettings): readonly ConfigError[] {
  const models = kindModels(settings);
  const mapped = new Set(models.flatMap((model) => model.targets.map(({ table }) => canonical(table))));
  const errors: ConfigError[] = models.flatMap(checkKind);
  if (settings.segments !== undefined && settings.kinds.user === undefined)
    errors.push({ path: 'segments', message: 'lists users, but kinds.user is not mapped' });
  for (const [index, { table }] of (settings.ignore ?? []).entries())
    if (mapped.has(canonical(table)))
      errors.push({
        path: `ignore.${index}.table`,
        message: `${canonical(table)} is mapped: it cannot be ignored too`,
      });
  return errors;
}

function checkKind(model: KindModel): ConfigError[] {
  const path = `kinds.${model.kind}`;
  const { map } = model;
  const errors: ConfigError[] = [];
  if (model.keyType === ALIAS) errors.push({ path: `${path}.key`, message: '`alias` is the identity type of aliases' });
  for (const type of Object.keys(map.identities ?? {}))
    if (type === ALIAS || type === model.keyType)
      errors.push({ path: `${path}.identities.${type}`, message: 'is the identity type of aliases or of the key' });
  for (const target of model.targets) {
    errors.push(...checkSources(target, model));
    if (target.via === undefined) continue;
    if (parentsOf(target, model).length === 0)
      errors.push({
        path: `${target.path}.via.table`,
        message: `${canonical(target.via.table)} is not mapped for this kind`,
      });
    else if (model.targets.some((other) => other === target && circular(other, model, [])))
      errors.push({ path: `${target.path}.via.table`, message: 'leads back to this table' });
  }
  for (const [index, table] of (map.tables ?? []).entries())
    errors.push(...checkTable(table, `${path}.tables.${index}`, model));
  return errors;
}

/** Emptied, it would find nobody any more. */
const checkSources = (target: Target, model: KindModel): ConfigError[] =>
  target.sources
    .filter((column) => model.finding.has(placeOf(target.table, column)))
    .map((column) => ({ path: `${target.path}.sources`, message: `${column} is what rows are found by` }));

function circular(target: KindModel['targets'][number], model: KindModel, seen: readonly string[]): boolean {
  if (seen.includes(target.path)) return true;
  return parentsOf(target, model).some((parent) => circular(parent, model, [...seen, target.path]));
}

function checkTable(table: TableMap, path: string, model: KindModel): ConfigError[] {
  const errors: ConfigError[] = [];
  const { subject, retain } = table;
  if (typeof subject === 'object' && 'identity' in subject) {
    const identity = model.map.identities?.[subject.identity];
    if (identity === undefined)
      errors.push({
        path: `${path}.subject.identity`,
        message: `${subject.identity} is not declared under identities`,
      });
    else if (columnsOf(identity).length !== subject.columns.length)
      errors.push({ path: `${path}.subject.columns`, message: 'must be as many as the identity has' });
    if (retain?.unlink === 'pseudonym' && subject.columns.length > 1)
      errors.push({ path: `${path}.retain.unlink`, message: 'a pseudonym stands for one column, not for several' });
  }
  return errors;
}

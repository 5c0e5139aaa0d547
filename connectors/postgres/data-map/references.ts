import { ALIAS } from '../../../domain/identity.ts';
import type { Mistake } from '../../connector.ts';
import type { PostgresSettings, TableMap } from './data-map.ts';
import { type KindModel, type Target, columnsOf, kindModels, parentsOf, placeOf } from './model.ts';
import { canonical } from '../sql.ts';

/** Names in the data map that refer to something else in it. */
export function referenceMistakes(settings: PostgresSettings): readonly Mistake[] {
  const models = kindModels(settings);
  const mapped = new Set(models.flatMap((model) => model.targets.map(({ table }) => canonical(table))));
  const mistakes: Mistake[] = models.flatMap(kindMistakes);
  if (settings.segments !== undefined && settings.kinds.user === undefined)
    mistakes.push({ path: 'segments', message: 'lists users, but kinds.user is not mapped' });
  for (const [index, { table }] of (settings.ignore ?? []).entries())
    if (mapped.has(canonical(table)))
      mistakes.push({
        path: `ignore.${index}.table`,
        message: `${canonical(table)} is mapped: it cannot be ignored too`,
      });
  return mistakes;
}

function kindMistakes(model: KindModel): Mistake[] {
  const path = `kinds.${model.kind}`;
  const { map } = model;
  const mistakes: Mistake[] = [];
  if (model.keyType === ALIAS)
    mistakes.push({ path: `${path}.key`, message: '`alias` is the identity type of aliases' });
  for (const type of Object.keys(map.identities ?? {}))
    if (type === ALIAS || type === model.keyType)
      mistakes.push({ path: `${path}.identities.${type}`, message: 'is the identity type of aliases or of the key' });
  for (const target of model.targets) {
    mistakes.push(...sourceMistakes(target, model));
    if (target.via === undefined) continue;
    if (parentsOf(target, model).length === 0)
      mistakes.push({
        path: `${target.path}.via.table`,
        message: `${canonical(target.via.table)} is not mapped for this kind`,
      });
    else if (model.targets.some((other) => other === target && circular(other, model, [])))
      mistakes.push({ path: `${target.path}.via.table`, message: 'leads back to this table' });
  }
  for (const [index, table] of (map.tables ?? []).entries())
    mistakes.push(...tableMistakes(table, `${path}.tables.${index}`, model));
  return mistakes;
}

/** Emptied, it would find nobody any more. */
const sourceMistakes = (target: Target, model: KindModel): Mistake[] =>
  target.sources
    .filter((column) => model.finding.has(placeOf(target.table, column)))
    .map((column) => ({ path: `${target.path}.sources`, message: `${column} is what rows are found by` }));

function circular(target: KindModel['targets'][number], model: KindModel, seen: readonly string[]): boolean {
  if (seen.includes(target.path)) return true;
  return parentsOf(target, model).some((parent) => circular(parent, model, [...seen, target.path]));
}

function tableMistakes(table: TableMap, path: string, model: KindModel): Mistake[] {
  const mistakes: Mistake[] = [];
  const { subject, retain } = table;
  if (typeof subject === 'object' && 'identity' in subject) {
    const identity = model.map.identities?.[subject.identity];
    if (identity === undefined)
      mistakes.push({
        path: `${path}.subject.identity`,
        message: `${subject.identity} is not declared under identities`,
      });
    else if (columnsOf(identity).length !== subject.columns.length)
      mistakes.push({ path: `${path}.subject.columns`, message: 'must be as many as the identity has' });
    if (retain?.unlink === 'pseudonym' && subject.columns.length > 1)
      mistakes.push({ path: `${path}.retain.unlink`, message: 'a pseudonym stands for one column, not for several' });
  }
  return mistakes;
}

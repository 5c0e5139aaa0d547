import type { Catalog } from '../data-map/catalog.ts';
import type { KindModel, Target } from '../../data-map/model.ts';
import { referenceChanges, staysFilled } from '../../data-map/reference-changes.ts';
import { replacements } from './anonymise.ts';
import { constantSql } from './constants.ts';
import { ident } from '../sql.ts';

/**
 * The conditions under which a deletion gives a column of a kept row another value. Empty when it keeps the value. A
 * row that an earlier pass changed has its new value already.
 */
export function receivesOtherValue(
  target: Target,
  column: string,
  model: KindModel,
  catalog: Catalog,
  prefix: string,
): readonly string[] {
  const current = `${prefix}${ident(column)}::text`;
  const anonymised = replacements(target, model, catalog, prefix).filter((each) => each.column === column);
  const changes = referenceChanges(target)
    .filter((change) => change.column === column && !staysFilled(change, target, catalog))
    .map(({ to }) => {
      if (to === 'pseudonym') return 'true';
      const value = 'ghost' in to ? to.ghost : to.value;
      return `${current} IS DISTINCT FROM ${constantSql(value)}`;
    });
  return [
    ...anonymised.map(({ value }) => `${current} IS DISTINCT FROM (${value})::text`),
    ...((target.retain?.blank ?? []).includes(column) ? ['true'] : []),
    ...changes,
  ];
}

import { qualifiedName } from '../names.ts';
import type { KindModel } from '../model.ts';
import type { Reason } from './coverage-reason.ts';
import { personalCategory } from './personal-columns.ts';
import type { Tables } from './tables.ts';

/**
 * Tables to which rows of one kind point, with personal columns, that only another kind maps. A table with one row per
 * subject is none: a row that points to it refers to another subject.
 */
export function tablesOfOtherKinds(models: readonly KindModel[], { foreignKeys, columns }: Tables): Reason[] {
  const subjects = models.map(({ map }) => qualifiedName(map.table));
  const mapped = new Set(models.flatMap((model) => tablesOf(model, true)));
  return models.flatMap((model) => {
    const here = new Set(tablesOf(model, true));
    const owned = tablesOf(model, false);
    const isOther = (table: string): boolean => mapped.has(table) && !here.has(table) && !subjects.includes(table);
    return foreignKeys
      .filter(({ child, parent }) => owned.includes(child) && isOther(parent))
      .flatMap(({ name, child, parent }) => {
        const personal = columns.filter(
          (column) => column.table === parent && personalCategory(column.name, column.type),
        );
        if (personal.length === 0) return [];
        const list = personal.map((column) => column.name).join(', ');
        return [
          {
            table: parent,
            one: `is not mapped for ${model.kind}, ${child} points to it (constraint ${name}), and it has personal columns (${list})`,
            many: `have personal columns, rows of ${model.kind} point to them`,
            detail: `from ${child}: ${list}`,
            remedy: `kinds.${model.kind}.tables with referencedBy, and with retain if its rows stay`,
            isMapped: true,
          },
        ];
      });
  });
}

const tablesOf = ({ targets }: KindModel, withDetached: boolean): string[] =>
  targets.filter(({ detach }) => withDetached || detach === undefined).map(({ table }) => qualifiedName(table));

import type { Mistake } from '../../connector.ts';
import { type Inspection, type Relation, tablePaths } from './inspection.ts';

const KINDS: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialised view', f: 'a foreign table' };

/** What is mapped is a table whose rows a DELETE really removes, all of them, and nothing else's. */
export function relationMistakes(inspection: Inspection): readonly Mistake[] {
  return tablePaths(inspection).flatMap(({ path, table }) => {
    const relation = inspection.relations.get(table);
    if (relation === undefined) return [{ path, message: `${table} does not exist` }];
    return problems(relation).map((problem) => ({ path, message: `${table} ${problem}` }));
  });
}

function problems({ relkind, guarded, inherited, rules }: Relation): string[] {
  if (relkind !== 'r' && relkind !== 'p')
    return [`is ${KINDS[relkind] ?? 'no table'}: only ordinary and partitioned tables can be emptied for certain`];
  const found: string[] = [];
  if (guarded) found.push('has row-level security that applies to Lethe’s role: rows could be out of its sight');
  if (inherited) found.push('has tables that inherit from it: their rows would be deleted without their own checks');
  for (const rule of rules) found.push(`has the rule ${rule}, which can turn a DELETE or UPDATE into something else`);
  return found;
}

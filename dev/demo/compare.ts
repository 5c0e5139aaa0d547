import type { Receipt, TableFigures } from './client.ts';
import type { Figures } from './figures.ts';

export interface Comparison {
  readonly lines: readonly string[];
  readonly equal: boolean;
}

/**
 * Compares the receipt, table by table, with the rows that were counted before the deletion. Detached rows belong to no
 * subject, so they were not counted.
 */
export function compare(receipt: Receipt, seeded: Figures): Comparison {
  const tables = receipt.systems.flatMap((system) => system.tables);
  const reported = new Map(tables.map((figures) => [figures.table, figures]));
  const names = [...new Set([...Object.keys(seeded), ...reported.keys()])];
  const rows = names.map((name) => {
    const figures = reported.get(name) ?? NOTHING;
    const kept = figures.retained.reduce((total, basis) => total + basis.rows, 0);
    return { ...figures, name, seeded: seeded[name] ?? 0, kept };
  });
  const unequal = rows
    .filter((row) => row.seeded !== row.removed + row.kept + row.anonymised.rows)
    .map((row) => row.name);
  const verified = receipt.systems.every(({ survivors, verifiedAt }) => survivors === 0 && verifiedAt !== null);
  const equal = receipt.status === 'completed' && verified && unequal.length === 0;
  return {
    equal,
    lines: [
      line('table', 'seeded', 'deleted', 'retained', ''),
      ...rows.map((row) => line(row.name, row.seeded, row.removed, row.kept, noteOf(row))),
      '',
      ...receipt.systems.map(
        ({ system, verifiedAt, survivors }) =>
          `  system ${system}: ${verifiedAt === null ? 'not verified' : `verified ${verifiedAt}`}, survivors: ${survivors ?? 'unknown'}`,
      ),
      ...(equal ? [] : [`  differs from the seeded rows: ${unequal.join(', ') || `status ${receipt.status}`}`]),
    ],
  };
}

const NOTHING: Omit<TableFigures, 'table'> = {
  removed: 0,
  retained: [],
  detached: 0,
  anonymised: { rows: 0, columns: [] },
};

const noteOf = ({ retained, detached, anonymised }: typeof NOTHING): string =>
  [
    ...retained.map(({ basis }) => basis),
    ...(anonymised.rows > 0 ? [`${anonymised.rows} anonymised (${anonymised.columns.join(', ')})`] : []),
    ...(detached > 0 ? [`${detached} detached`] : []),
  ].join('; ');

const line = (
  name: string,
  seeded: string | number,
  removed: string | number,
  kept: string | number,
  note: string,
): string =>
  `  ${name.padEnd(22)}${[seeded, removed, kept].map((figure) => String(figure).padStart(9)).join('')}  ${note}`.trimEnd();

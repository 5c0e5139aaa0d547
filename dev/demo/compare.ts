import type { Receipt } from './client.ts';
import type { Figures } from './figures.ts';

export interface Comparison {
  readonly lines: readonly string[];
  readonly equal: boolean;
}

/** Compares the receipt, table by table, with the rows that were counted before the deletion. */
export function compare(receipt: Receipt, seeded: Figures): Comparison {
  const tables = receipt.systems.flatMap((system) => system.tables);
  const reported = new Map(tables.map(({ table, removed, retained }) => [table, { removed, retained }]));
  const names = [...new Set([...Object.keys(seeded), ...reported.keys()])];
  const rows = names.map((name) => {
    const { removed = 0, retained = [] } = reported.get(name) ?? {};
    const kept = retained.reduce((total, basis) => total + basis.rows, 0);
    return { name, seeded: seeded[name] ?? 0, removed, kept, basis: retained.map(({ basis }) => basis).join('; ') };
  });
  const unequal = rows.filter((row) => row.seeded !== row.removed + row.kept).map((row) => row.name);
  const verified = receipt.systems.every(({ survivors, verifiedAt }) => survivors === 0 && verifiedAt !== null);
  const equal = receipt.status === 'completed' && verified && unequal.length === 0;
  return {
    equal,
    lines: [
      line('table', 'seeded', 'deleted', 'retained', ''),
      ...rows.map((row) => line(row.name, row.seeded, row.removed, row.kept, row.basis)),
      '',
      ...receipt.systems.map(
        ({ system, verifiedAt, survivors }) =>
          `  system ${system}: ${verifiedAt === null ? 'not verified' : `verified ${verifiedAt}`}, survivors: ${survivors ?? 'unknown'}`,
      ),
      ...(equal ? [] : [`  differs from the seeded rows: ${unequal.join(', ') || `status ${receipt.status}`}`]),
    ],
  };
}

const line = (
  name: string,
  seeded: string | number,
  removed: string | number,
  kept: string | number,
  basis: string,
): string =>
  `  ${name.padEnd(22)}${[seeded, removed, kept].map((figure) => String(figure).padStart(9)).join('')}  ${basis}`.trimEnd();

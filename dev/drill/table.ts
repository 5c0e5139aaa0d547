import { COLUMNS, type Finding } from './inspect.ts';
import { type Cycle, FAULTS } from './plan.ts';
import type { SentRequest } from './scenarios.ts';

/** One line per kind of fault, and one for what no single fault explains. */
export function drawTable(
  plan: readonly Cycle[],
  requests: readonly SentRequest[],
  findings: readonly Finding[],
): string {
  const lineOf = (name: string, cycles: number | null, sent: number | null, found: readonly Finding[]): string[] => [
    name,
    String(cycles ?? ''),
    String(sent ?? ''),
    ...COLUMNS.map((column) => String(found.filter((finding) => finding.column === column).length)),
  ];
  const lines = [
    ['fault', 'cycles', 'requests', ...COLUMNS],
    ...FAULTS.filter((fault) => plan.some((cycle) => cycle.fault === fault)).map((fault) =>
      lineOf(
        fault,
        plan.filter((cycle) => cycle.fault === fault).length,
        requests.filter((request) => request.fault === fault).length,
        findings.filter((finding) => finding.fault === fault),
      ),
    ),
    lineOf(
      'not of one cycle',
      null,
      null,
      findings.filter((finding) => finding.fault === null),
    ),
    lineOf('total', plan.length, requests.length, findings),
  ];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

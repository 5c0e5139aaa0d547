const CONTEXT = 3;

interface Edit {
  readonly mark: ' ' | '-' | '+';
  readonly line: string;
}

/** The difference of two texts in the unified format. Empty when they are equal. */
export function unifiedDiff(before: string, after: string, names: { before: string; after: string }): string {
  const edits = compareLines(before.split('\n'), after.split('\n'));
  const hunks = hunksOf(edits);
  if (hunks.length === 0) return '';
  return [`--- ${names.before}`, `+++ ${names.after}`, ...hunks].join('\n');
}

/** The shortest list of kept, removed and added lines, by the longest common subsequence. */
function compareLines(a: readonly string[], b: readonly string[]): readonly Edit[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = lengths[i];
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ mark: ' ', line: a[i] ?? '' });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      edits.push({ mark: '-', line: a[i] ?? '' });
      i += 1;
    } else {
      edits.push({ mark: '+', line: b[j] ?? '' });
      j += 1;
    }
  }
  return edits;
}

function hunksOf(edits: readonly Edit[]): string[] {
  const changed = edits.flatMap(({ mark }, index) => (mark === ' ' ? [] : [index]));
  const ranges: { from: number; to: number }[] = [];
  for (const index of changed) {
    const last = ranges.at(-1);
    if (last !== undefined && index - CONTEXT <= last.to + 1) last.to = Math.min(edits.length - 1, index + CONTEXT);
    else ranges.push({ from: Math.max(0, index - CONTEXT), to: Math.min(edits.length - 1, index + CONTEXT) });
  }
  const lines = (side: '-' | '+', to: number): number =>
    edits.slice(0, to).filter(({ mark }) => mark === ' ' || mark === side).length;
  return ranges.flatMap(({ from, to }) => {
    const place = (side: '-' | '+'): string =>
      `${side}${lines(side, from) + 1},${lines(side, to + 1) - lines(side, from)}`;
    return [
      `@@ ${place('-')} ${place('+')} @@`,
      ...edits.slice(from, to + 1).map(({ mark, line }) => `${mark}${line}`),
    ];
  });
}

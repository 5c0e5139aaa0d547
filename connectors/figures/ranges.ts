export interface Range {
  readonly first: number;
  readonly last: number;
}
/** A range with its subjects, which are at least one. The sequence of a batch can have gaps. */
export interface MemberRange extends Range {
  readonly seqs: readonly number[];
}

/** Two halves, of which the first is not smaller. */
export function halve({ seqs, first, last }: MemberRange): readonly MemberRange[] {
  const middle = Math.ceil(seqs.length / 2);
  return [seqs.slice(0, middle), seqs.slice(middle)].map((half) => ({
    first: half[0] ?? first,
    last: half.at(-1) ?? last,
    seqs: half,
  }));
}

/** Ranges of `size` subjects. Those that a call leaves out count too, so that a later call finds the same ranges in the log. */
export function rangesOf(seqs: readonly number[], size: number): readonly MemberRange[] {
  const ranges: MemberRange[] = [];
  for (let from = 0; from < seqs.length; from += size) {
    const part = seqs.slice(from, from + size);
    ranges.push({ first: part[0] ?? 0, last: part.at(-1) ?? 0, seqs: part });
  }
  return ranges;
}

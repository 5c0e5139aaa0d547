import { shareOf, type Reference } from '../references/reference.ts';

/**
 * Comments of a proposal by the path of the key that they explain, such as `kinds.user.tables.2`. A line that begins
 * with DECIDE is a question to a person.
 */
export class Notes {
  readonly lines = new Map<string, string[]>();

  add(path: string, ...lines: readonly string[]): void {
    if (lines.length > 0) this.lines.set(path, [...(this.lines.get(path) ?? []), ...lines]);
  }

  ask(path: string, question: string): void {
    this.add(path, `${DECIDE} ${question}`);
  }
}

export const DECIDE = 'DECIDE:';

/** Why a reference is believed, and how sure. */
export function evidenceOf(reference: Reference): string {
  const { kind, constraint, parent, parentColumns, evidence } = reference;
  if (kind === 'key') return `foreign key ${constraint ?? ''}`;
  const share = shareOf(reference);
  const target = `${parent}.${parentColumns.join(', ')}`;
  const names = {
    name: 'the name',
    suffix: 'the end of the name',
    role: 'a word of the name',
    polymorphic: 'the pair of columns',
    array: 'the name of the array',
    document: 'a key of the documents',
  }[kind];
  if (kind === 'polymorphic')
    return evidence === undefined
      ? `guess: ${names}, without rows for a sample`
      : `guess: ${names}, and the type occurs in the sample`;
  return share === null
    ? `guess: ${names}, without rows for a sample`
    : `guess: ${names}, and ${percent(share)} of ${evidence?.sampled ?? 0} sampled values match ${target}`;
}

export const percent = (share: number): string => `${Math.floor(share * 100)} %`;

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that wait more than they work, so that others work meanwhile: first what takes longest. */
const FIRST = ['test/e2e/export-killed', 'test/e2e/away', 'test/e2e/', 'test/workflows/', 'test/dev/', 'test/db/'];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => rank(one) - rank(other));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const found = FIRST.findIndex((part) => moduleId.includes(part));
  return found < 0 ? FIRST.length : found;
}

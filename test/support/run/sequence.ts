import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Slow files that mostly wait. They start first, so that other files run in the meantime. */
const FIRST = [
  'test/e2e/export-killed',
  'test/e2e/unavailable',
  'test/e2e/',
  'test/workflows/',
  'test/dev/',
  'test/connectors/any-schema/',
  'test/db/',
  'test/api/fuzz',
];

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

import { expect, test } from 'vitest';
import { lint } from './lint.ts';

const codesOf = (path: string, text: string): string[] =>
  (lint({ [path]: text }).get(path) ?? []).map(({ code }) => code);

test('rejects a promise that is not awaited', () => {
  const text = `const step = (): Promise<void> => Promise.resolve();\nexport function run(): void {\n  step();\n}\n`;
  expect(codesOf('workflows/a.ts', text)).toEqual(['typescript(no-floating-promises)']);
  expect(codesOf('workflows/a.ts', text.replace('  step();', '  void step();'))).toEqual([]);
});

test('rejects `any`, non-null assertions and default exports', () => {
  expect(codesOf('domain/a.ts', `export const a = (b: any): boolean => b === 1;\n`)).toContain(
    'typescript(no-explicit-any)',
  );
  expect(codesOf('domain/a.ts', `export const a = (b?: string): string => b!;\n`)).toContain(
    'typescript(no-non-null-assertion)',
  );
  expect(codesOf('domain/a.ts', `export default 1;\n`)).toContain('import(no-default-export)');
  expect(codesOf('lethe.config.ts', `export default 1;\n`)).toEqual([]);
});

test('rejects sources and tests with more than 300 lines', () => {
  const text = `export const a = 1;\n${'// why\n'.repeat(299)}`;
  for (const path of ['domain/a.ts', 'test/a.test.ts']) {
    expect(codesOf(path, `${text}// why\n`)).toEqual(['eslint(max-lines)']);
    expect(codesOf(path, text)).toEqual([]);
  }
});

test('rejects circular imports, including imports of types', () => {
  const importing = (other: string): string => `import type { ${other} } from './${other}.ts';\n`;
  const found = lint({
    'domain/a.ts': `${importing('b')}export type a = b | 1;\n`,
    'domain/b.ts': `${importing('a')}export type b = a[];\n`,
    'domain/c.ts': `${importing('a')}export type c = a;\n`,
  });
  const codes = Object.fromEntries(
    [...found].map(([file, diagnostics]) => [file, diagnostics.map(({ code }) => code)]),
  );
  expect(codes).toEqual({
    'domain/a.ts': ['import(no-cycle)'],
    'domain/b.ts': ['import(no-cycle)'],
    'domain/c.ts': [],
  });
});

test('allows `console` only in commands', () => {
  const text = `console.log('here');\n`;
  expect(codesOf('activities/a.ts', text)).toContain('eslint(no-console)');
  expect(codesOf('commands/check.ts', text)).toEqual([]);
});

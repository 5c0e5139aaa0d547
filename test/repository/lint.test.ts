import { expect, test } from 'vitest';
import { lint } from './lint.ts';

const only = (path: string, text: string): string[] => (lint({ [path]: text }).get(path) ?? []).map(({ code }) => code);

test('a promise that nobody waits for is an error', () => {
  const text = `const step = (): Promise<void> => Promise.resolve();\nexport function run(): void {\n  step();\n}\n`;
  expect(only('workflows/a.ts', text)).toEqual(['typescript(no-floating-promises)']);
  expect(only('workflows/a.ts', text.replace('  step();', '  void step();'))).toEqual([]);
});

test('any, a non-null assertion and a default export are errors', () => {
  expect(only('domain/a.ts', `export const a = (b: any): boolean => b === 1;\n`)).toContain(
    'typescript(no-explicit-any)',
  );
  expect(only('domain/a.ts', `export const a = (b?: string): string => b!;\n`)).toContain(
    'typescript(no-non-null-assertion)',
  );
  expect(only('domain/a.ts', `export default 1;\n`)).toContain('import(no-default-export)');
  expect(only('lethe.config.ts', `export default 1;\n`)).toEqual([]);
});

test('more than 300 lines are an error, in a source as in a test', () => {
  const text = `export const a = 1;\n${'// why\n'.repeat(299)}`;
  for (const path of ['domain/a.ts', 'test/a.test.ts']) {
    expect(only(path, `${text}// why\n`)).toEqual(['eslint(max-lines)']);
    expect(only(path, text)).toEqual([]);
  }
});

test('two files that import each other are an error, also when they import only types', () => {
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

test('only what a person starts may print', () => {
  const text = `console.log('here');\n`;
  expect(only('activities/a.ts', text)).toContain('eslint(no-console)');
  expect(only('commands/check.ts', text)).toEqual([]);
});

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const DB = resolve(import.meta.dirname, '../../db');
/** Values that become one parameter. Drizzle turns every other array into several parameters. */
const ONE_PARAMETER = /^\$\{(textArray|intArray|bigintArray|sql\.param)\(/;

/** The position of the closing bracket for the bracket at `from`. */
function findClosing(text: string, from: number, [open, close]: readonly [string, string]): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === open) depth++;
    if (text[at] === close && --depth === 0) return at;
  }
  return text.length;
}

/** The `sql` templates of a source file, including the code of their values. */
const templatesOf = (source: string): string[] =>
  [...source.matchAll(/\bsql(?:<[^`]*?>)?`/g)].map(({ index, 0: begin }) => {
    const from = index + begin.length;
    let at = from;
    while (at < source.length && source[at] !== '`')
      at = source.startsWith('${', at) ? findClosing(source, at + 1, ['{', '}']) + 1 : at + 1;
    return source.slice(from, at);
  });

/** The arguments of a call in a template. */
function argumentsOf(inside: string): string[] {
  const found = [''];
  let depth = 0;
  for (const character of inside) {
    if ('({['.includes(character)) depth++;
    if (')}]'.includes(character)) depth--;
    if (character === ',' && depth === 0) found.push('');
    else found.push(`${found.pop()}${character}`);
  }
  return found.map((argument) => argument.trim());
}

/** The values that are arguments of `ANY(…)`, `ALL(…)` or `unnest(…)`. */
const arraysIn = (source: string): string[] => {
  const found = templatesOf(source).flatMap((template) =>
    [...template.matchAll(/\b(?:ANY|ALL|unnest)\s*\(/g)].flatMap(({ index, 0: call }) => {
      const from = index + call.length - 1;
      const inside = template.slice(from + 1, findClosing(template, from, ['(', ')']));
      return argumentsOf(inside).filter((argument) => argument.startsWith('${'));
    }),
  );
  // A template within a value of another template is found twice.
  return [...new Set(found)];
};
const severalParameters = (source: string): string[] =>
  arraysIn(source).filter((argument) => !ONE_PARAMETER.test(argument));

/** JSON texts that the driver encodes a second time, which stores a JSON string instead of an object. */
const encodedTwice = (source: string): string[] =>
  templatesOf(source)
    .flatMap((template) =>
      [...template.matchAll(/\}::jsonb?\b/g)].map(({ index }) => {
        const value = template.slice(template.lastIndexOf('${', index), index + 1);
        return value.includes('JSON.stringify') ? value : '';
      }),
    )
    .filter((value) => value !== '');

test('finds arrays that become several parameters', () => {
  for (const [source, found] of [
    ['sql`WHERE id = ANY(${ids})`', ['${ids}']],
    ['sql<Row>`WHERE id = ANY (\n  ${ids}::text[])`', ['${ids}::text[]']],
    [
      'sql`FROM unnest(${textArray(ids)}, ${seqs.map((seq) => seq)}::integer[]) AS t (id, seq)`',
      ['${seqs.map((seq) => seq)}::integer[]'],
    ],
    ['sql`${all ? sql`true` : sql`id <> ALL(${ids})`} AND n = ${n}`', ['${ids}']],
  ] as const)
    expect({ source, found: severalParameters(source) }).toEqual({ source, found: [...found] });
  for (const source of [
    'sql`FROM unnest(${textArray(ids)}, ${intArray(seqs)}, ${sql.param(at)}::timestamptz[]) AS t (id, seq, at)`',
    'sql`WHERE id = ANY(${textArray(found.map((row) => row.id))}) AND seq = ${seq}`',
    'sql`WHERE id = ANY(SELECT id FROM ${holds} WHERE project = ${project}) AND ${ids.length} > 0`',
    'Promise.all(${ids})',
  ])
    expect({ source, found: severalParameters(source) }).toEqual({ source, found: [] });
});

test('finds JSON that would be stored as text', () => {
  expect(encodedTwice('sql`SET detail = ${JSON.stringify(detail)}::jsonb`')).toEqual(['${JSON.stringify(detail)}']);
  expect(
    encodedTwice('sql`SET detail = ${JSON.stringify(detail)}::text::jsonb, other = ${sql.param(other)}::jsonb`'),
  ).toEqual([]);
});

test('sends arrays as one parameter and JSON as objects in all templates of the ledger', () => {
  const files = readdirSync(DB, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const sources = files.map((name) => ({ name, source: readFileSync(join(DB, name), 'utf8') }));
  const refused = ({ name, source }: (typeof sources)[number]) =>
    [...severalParameters(source), ...encodedTwice(source)].map((value) => `${name}: ${value}`);
  expect(sources.flatMap(refused)).toEqual([]);
  expect(sources.flatMap(({ source }) => arraysIn(source)).length).toBeGreaterThan(10);
});

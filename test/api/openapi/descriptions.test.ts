import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { OpenApi, Operation, Schema } from '../../../api/openapi/shape.ts';
import { testApi } from '../support/api.ts';

const api = await testApi();
const served = await api.call('GET', '/openapi.json');
const document = served.json as OpenApi;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);

const WORDS = 8;
/** The third person ("Lists requests") and a noun phrase ("The members") are not imperative. */
const NOT_IMPERATIVE = /^(?:\w+[^s]s|The|An?|What|Where|Who|How)\b/;

const summaryErrors = ({ summary }: Operation): readonly string[] => [
  ...(summary.split(' ').length > WORDS ? [`"${summary}" has more than ${WORDS} words`] : []),
  ...(/[.:;]/.test(summary) ? [`"${summary}" is not one phrase`] : []),
  ...(NOT_IMPERATIVE.test(summary) ? [`"${summary}" is not imperative`] : []),
];

/** Every property below the schema that has no description, neither itself nor at its reference. A constant needs none. */
function missingDescriptions(schema: Schema, path: string): readonly string[] {
  const { properties = {}, items, anyOf = [], oneOf = [], allOf = [], additionalProperties } = schema;
  const parts = [items, additionalProperties, ...anyOf, ...oneOf, ...allOf].filter((part) => typeof part === 'object');
  return [
    ...Object.entries(properties).flatMap(([name, property]) => [
      ...(isDescribed(property) || property.enum?.length === 1 ? [] : [`${path}.${name}`]),
      ...missingDescriptions(property, `${path}.${name}`),
    ]),
    ...parts.flatMap((part) => missingDescriptions(part, path)),
  ];
}

function isDescribed({ description, $ref, allOf = [] }: Schema): boolean {
  if (description !== undefined) return isSentence(description);
  const target = $ref === undefined ? undefined : document.components.schemas[$ref.split('/').at(-1) ?? ''];
  return target === undefined ? allOf.some(isDescribed) : isDescribed(target);
}

/** Starts with a capital letter, code or a list, and ends with a full stop or code. */
const isSentence = (text: string): boolean => /^["A-Z`*-]/.test(text) && /(?:[.]|`)$/.test(text.trimEnd());

test('has an imperative summary of at most 8 words for every operation', () => {
  expect(operations.flatMap(({ operation }) => summaryErrors(operation))).toEqual([]);
});

test('finds a summary that is too long, not imperative or more than one phrase', () => {
  const [some] = operations;
  if (some === undefined) throw new Error('the document has no operation');
  const errorsOf = (summary: string) => summaryErrors({ ...some.operation, summary });
  expect(errorsOf('Cancel a request')).toEqual([]);
  for (const summary of ['Cancel one or more of the subjects of a request', 'The members', 'Cancels it', 'Cancel it.'])
    expect(errorsOf(summary)).toHaveLength(1);
});

test('describes every operation, parameter, response, header and tag in sentences', () => {
  const texts = operations.flatMap(({ name, operation }) => [
    [name, operation.description],
    ...(operation.parameters ?? []).map((one) => [`${name} ${one.name}`, one.description]),
    ...Object.entries(operation.responses).map(([status, one]) => [`${name} ${status}`, one.description]),
  ]);
  const tags = document.tags.map(({ name, description }) => [name, description]);
  const headers = Object.entries(document.components['headers'] ?? {}).map(([name, header]) => [
    name,
    (header as { description?: string }).description,
  ]);
  const bare = [...texts, ...tags, ...headers].filter(([, text]) => text === undefined || !isSentence(text));
  expect(bare.map(([place, text]) => `${place}: ${text}`)).toEqual([]);
});

test('describes every field of every schema', () => {
  const schemas = Object.entries(document.components.schemas);
  const inline = operations.flatMap(({ name, operation: { requestBody, responses } }) =>
    [requestBody?.content ?? {}, ...Object.values(responses).map(({ content }) => content ?? {})].flatMap((content) =>
      Object.values(content).map(({ schema }): [string, Schema] => [name, schema]),
    ),
  );
  expect([...schemas, ...inline].flatMap(([name, schema]) => missingDescriptions(schema, name))).toEqual([]);
});

test('contains no word that the glossary replaces', () => {
  const root = mkdtempSync(join(tmpdir(), 'lethe-words-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const check = () => {
    const script = join(import.meta.dirname, '../../../dev/check-words.ts');
    return spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
  };
  writeFileSync(join(root, 'openapi.md'), JSON.stringify(document, null, 2));
  expect(check().stderr).toBe('');
  writeFileSync(join(root, 'planted.md'), `The system is ${'to'}${'ld'} of the change.`);
  expect(check().stderr).toContain('planted.md:1');
});

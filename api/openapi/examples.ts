import { BODIES } from './bodies.ts';
import type { Example, Schema, Schemas } from './shape.ts';
import { WORDS } from './descriptions.ts';

/** Left where an example lacks a word; a test allows none. */
export const WORDLESS = '…';

/** Those that tell a story, by the name of the schema; otherwise what its members' words make, one for each choice. */
export function examplesOf(
  schemas: Schemas,
  path: readonly string[],
  schema: Schema,
): Readonly<Record<string, Example>> {
  const name = schema.$ref === undefined ? '' : lastPart(schema.$ref);
  const told = BODIES[name];
  if (told !== undefined) return told;
  const choices = schemas[name]?.oneOf ?? [];
  if (choices.length === 0) return { example: { value: exampleOf(schemas, schema, path) } };
  return Object.fromEntries(
    choices.map((choice) => [lastPart(choice.$ref ?? ''), { value: exampleOf(schemas, choice, [...path, name]) }]),
  );
}

/** A member's example is that of the longest path to it that `WORDS` knows: one word means one thing everywhere. */
export function exampleOf(schemas: Schemas, schema: Schema, path: readonly string[]): unknown {
  const key = keyOf(path);
  if (key !== undefined) return WORDS[key];
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref !== undefined) {
    const name = lastPart(schema.$ref);
    return exampleOf(schemas, schemas[name] ?? {}, [...path, name]);
  }
  const choice = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])][0];
  if (choice !== undefined) return exampleOf(schemas, choice, path);
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties);
    // A word that is undefined leaves an optional member out, as JSON does.
    return Object.fromEntries(members.map(([name, member]) => [name, exampleOf(schemas, member, [...path, name])]));
  }
  if (schema.items !== undefined) return [exampleOf(schemas, schema.items, path)];
  return schema.default ?? schema.enum?.[0] ?? PLAIN[[schema.type].flat()[0] ?? ''] ?? WORDLESS;
}

const PLAIN: Readonly<Record<string, unknown>> = { integer: 0, boolean: false };

const keyOf = (path: readonly string[]): string | undefined =>
  path.map((_, from) => path.slice(from).join('.')).find((key) => Object.hasOwn(WORDS, key));

const lastPart = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

import type { Example, Media, Schema, Schemas } from './shape.ts';

/** Shown where a member has no example; a test refuses documents with it. */
export const MISSING_EXAMPLE = '…';

/** The examples that the route gives; otherwise one that is put together from the members, or one for each choice. */
export function examplesOf(schemas: Schemas, { schema, examples }: Media): Readonly<Record<string, Example>> {
  if (examples !== undefined) return examples;
  const choices = schema.$ref === undefined ? [] : (schemas[lastPart(schema.$ref)]?.oneOf ?? []);
  if (choices.length === 0) return { example: { value: exampleOf(schemas, schema) } };
  return Object.fromEntries(
    choices.map((choice) => [lastPart(choice.$ref ?? ''), { value: exampleOf(schemas, choice) }]),
  );
}

/** `x-example` wins over `example`: it is for the examples alone, and is removed from the schemas of the document. */
export function exampleOf(schemas: Schemas, schema: Schema): unknown {
  if (Object.hasOwn(schema, 'x-example')) return schema['x-example'];
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref !== undefined) return exampleOf(schemas, schemas[lastPart(schema.$ref)] ?? {});
  const choice = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])][0];
  if (choice !== undefined) return exampleOf(schemas, choice);
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties);
    // JSON leaves out a member whose example is undefined.
    return Object.fromEntries(members.map(([name, member]) => [name, exampleOf(schemas, member)]));
  }
  if (schema.items !== undefined) return [exampleOf(schemas, schema.items)];
  return schema.default ?? schema.enum?.[0] ?? PLAIN[[schema.type].flat()[0] ?? ''] ?? MISSING_EXAMPLE;
}

const PLAIN: Readonly<Record<string, unknown>> = { integer: 0, boolean: false };

const lastPart = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

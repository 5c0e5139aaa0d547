import type { Example, Media, Schema, Schemas } from './shape.ts';

/** Placeholder of a field without an example. A test rejects documents that contain it. */
export const MISSING_EXAMPLE = '…';

/** The examples of the route. Without them: one example generated from the schema, or one per alternative. */
export function examplesOf(schemas: Schemas, { schema, examples }: Media): Readonly<Record<string, Example>> {
  if (examples !== undefined) return examples;
  const choices = schema.$ref === undefined ? [] : (schemas[lastPart(schema.$ref)]?.oneOf ?? []);
  if (choices.length === 0) return { example: { value: exampleOf(schemas, schema) } };
  return Object.fromEntries(
    choices.map((choice) => [lastPart(choice.$ref ?? ''), { value: exampleOf(schemas, choice) }]),
  );
}

/** `x-example` takes precedence over `example`. It is removed from the schemas of the document. */
export function exampleOf(schemas: Schemas, schema: Schema): unknown {
  if (Object.hasOwn(schema, 'x-example')) return schema['x-example'];
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref !== undefined) return exampleOf(schemas, schemas[lastPart(schema.$ref)] ?? {});
  const choice = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])][0];
  if (choice !== undefined) return exampleOf(schemas, choice);
  if (schema.properties !== undefined) {
    const fields = Object.entries(schema.properties);
    // JSON omits a field whose example is undefined.
    return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(schemas, field)]));
  }
  if (schema.items !== undefined) return [exampleOf(schemas, schema.items)];
  return schema.default ?? schema.enum?.[0] ?? EXAMPLE_BY_TYPE[[schema.type].flat()[0] ?? ''] ?? MISSING_EXAMPLE;
}

const EXAMPLE_BY_TYPE: Readonly<Record<string, unknown>> = { integer: 0, boolean: false };

const lastPart = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

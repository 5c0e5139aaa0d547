import fc from 'fast-check';
import type { OpenApi, Schema } from '../../../api/openapi/shape.ts';

/** Part of every value that a caller makes up. Neither an error nor the log may repeat it. */
export const CANARY = 'canary-fuzz';
/** Stands for the id of a row that exists when the request is sent. */
export const PLACEHOLDER = /@(req|hold|mem|tok|sup|link|wh|evt|task|cursor):(\d+)@/g;
const placeholder = (kind: string) => fc.nat({ max: 100_000 }).map((index) => `@${kind}:${index}@`);

/** Values that the project of the tests knows. Without them, nearly every request would fail at its first field. */
export const KNOWN_VALUES: Readonly<Record<string, readonly string[]>> = {
  project: ['demo', 'demo', 'demo', 'other', 'nonexistent'],
  regulation: ['gdpr', 'ccpa', 'nonexistent'],
  system: ['app', 'mail', 'nonexistent'],
  type: ['user_id', 'user_id', 'alias', 'email', 'xng_id', 'number', 'nonexistent'],
  columns: ['1', 'user_id', '1,2', 'user_id,email', '99'],
  Accept: ['application/json', 'text/csv', '*/*', 'image/png', 'text/csv;q=0.1,application/json;q=0.2'],
};
const TIMESTAMPS = ['2026-11-23T10:00:00Z', '2026-11-23T09:59:59.999Z', '2027-06-01T00:00:00Z', '9999-12-31T23:59:59Z'];

export const hostileValue = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }).map((text) => CANARY + text),
  fc.constantFrom<unknown>('', '\u0000', `${CANARY}\u0000`, '\ud800', '__proto__', 'constructor', '\u202e', -0, 1e308),
  fc.constantFrom<unknown>(
    2 ** 53,
    -1,
    2 ** 31,
    0.5,
    true,
    null,
    [],
    {},
    [[]],
    [null],
    { value: CANARY },
    { length: 5 },
  ),
  fc.constant(CANARY.repeat(2_000)),
);

/** One of few canary texts, so that several requests select the same subject. */
export const canary = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 60 }).map((number) => `${CANARY}-${number}`) },
  { weight: 1, arbitrary: fc.string().map((text) => CANARY + text) },
);

/** The value with one field, at any depth, replaced, removed or added. */
export const mutate = (value: unknown): fc.Arbitrary<unknown> => {
  if (typeof value !== 'object' || value === null) return hostileValue;
  const keys = Object.keys(value);
  const replaced = fc.constantFrom(...keys, CANARY).chain((key) =>
    fc.oneof(mutate(Reflect.get(value, key)), fc.constant(undefined)).map((by) => {
      if (Array.isArray(value)) return value.map((item: unknown, index) => (String(index) === key ? by : item));
      return { ...value, [key]: by };
    }),
  );
  return fc.oneof({ weight: 1, arbitrary: hostileValue }, { weight: 6, arbitrary: replaced });
};

/** Values that match the schemas of the document. */
export function valuesOf(document: OpenApi): (schema: Schema, name: string) => fc.Arbitrary<unknown> {
  return valueOf;

  function valueOf(reference: Schema, name: string): fc.Arbitrary<unknown> {
    const schema = resolved(reference);
    const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
    if (choices.length > 0) return fc.oneof(...choices.map((choice) => valueOf(choice, name)));
    if (schema.enum !== undefined) return fc.constantFrom<unknown>(...schema.enum);
    const [type, ...others] = [schema.type ?? []].flat();
    if (others.length > 0)
      return fc.oneof(
        { weight: 3, arbitrary: valueOf({ ...schema, type: type ?? 'null' }, name) },
        { weight: 1, arbitrary: fc.constant(null) },
      );
    switch (type) {
      case 'boolean':
        return fc.boolean();
      case 'integer':
        return fc.oneof(
          fc.integer({ min: 1, max: 4 }),
          fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 1_000, 2 ** 40) }),
        );
      case 'array':
        return fc.array(valueOf(schema.items ?? {}, name), { minLength: schema.minItems ?? 0, maxLength: 4 });
      case 'object': {
        const fields = Object.entries(schema.properties ?? {}).map(
          ([key, field]) => [key, valueOf(field, key)] as const,
        );
        return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] });
      }
      case 'string':
        return textOf(schema, name);
      default:
        return hostileValue;
    }
  }

  function resolved(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    return resolved(document.components.schemas[schema.$ref.slice('#/components/schemas/'.length)] ?? {});
  }

  function textOf(schema: Schema, name: string): fc.Arbitrary<string> {
    const kind = /^\^(req|hold|mem|tok|sup|link|wh|evt)_/.exec(schema.pattern ?? '')?.[1];
    if (kind !== undefined) return placeholder(kind);
    if (name === 'cursor') return placeholder('cursor');
    if (schema.format === 'date-time') return fc.constantFrom(...TIMESTAMPS);
    const words = KNOWN_VALUES[name] ?? [];
    const examples = typeof schema.example === 'string' ? [schema.example] : [];
    if (words.length + examples.length === 0) return canary;
    return fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...words, ...examples) }, { weight: 1, arbitrary: canary });
  }
}

export const idOf = (schema: Schema): fc.Arbitrary<string> => {
  // A system has a name instead of an id.
  if (schema.pattern === undefined) return fc.oneof(fc.constantFrom(...(KNOWN_VALUES['system'] ?? [])), canary);
  const kind = /^\^(\w+?)_/.exec(schema.pattern ?? '')?.[1] ?? 'req';
  return fc.oneof(
    { weight: 20, arbitrary: placeholder(kind) },
    { weight: 1, arbitrary: fc.constantFrom('req', 'hold', 'mem', 'tok').chain(placeholder) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(`${kind}_${'0'.repeat(32)}`, `${kind}_${'0'.repeat(31)}`, '..', '%00', '{id}'),
    },
    { weight: 1, arbitrary: canary },
  );
};

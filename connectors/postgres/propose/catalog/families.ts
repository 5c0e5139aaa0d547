import type { TypeFamily } from '../../../data-map/coverage/personal-columns.ts';

const FAMILIES: Readonly<Record<string, TypeFamily>> = {
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  citext: 'text',
  name: 'text',
  xml: 'text',
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  numeric: 'integer',
  json: 'json',
  jsonb: 'json',
  hstore: 'json',
  inet: 'address',
  cidr: 'address',
  macaddr: 'address',
  macaddr8: 'address',
  timestamp: 'time',
  timestamptz: 'time',
  time: 'time',
  timetz: 'time',
  interval: 'time',
  bytea: 'bytes',
  bool: 'boolean',
  uuid: 'uuid',
  date: 'date',
};

/** `category` is pg_type.typcategory. */
export const familyOf = (base: string, category: string): TypeFamily =>
  FAMILIES[base] ?? (category === 'N' ? 'number' : 'other');

const KEY_BASES: readonly string[] = ['text', 'varchar', 'bpchar', 'citext', 'int2', 'int4', 'int8', 'numeric', 'uuid'];

/** Whether a column of this type can hold the key of a subject. */
export const canHoldKey = (base: string): boolean => KEY_BASES.includes(base);

/** Whether the database compares columns of these types without a cast. */
export function isComparable(a: { base: string; isArray: boolean }, b: { base: string; isArray: boolean }): boolean {
  const isArray = a.isArray || b.isArray;
  return !isArray && canHoldKey(a.base) && canHoldKey(b.base) && FAMILIES[a.base] === FAMILIES[b.base];
}

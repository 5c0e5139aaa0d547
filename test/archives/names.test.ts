import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { assignPaths } from '../../archives/names.ts';
import type { Part } from '../../domain/archive.ts';
import { archives } from '../support/archives.ts';
import { type PackingContext, collect, contents, lines, pack, packingContext, table, unzipTest } from './packing.ts';

const storage = archives();
let context: PackingContext;
beforeEach(async () => {
  context = await packingContext(storage);
});

const HOSTILE = [
  '../x',
  '..',
  '/etc/passwd',
  String.raw`C:\x`,
  'CON',
  'con.orders',
  'a..b',
  'app.orders',
  'APP.Orders',
  'app/orders',
  'app_orders',
  '"a"; rm -rf ~',
  'Größe ☃',
  'Grosse',
  '-rf',
  '',
  'lpt1',
  'x\u0000y\n',
  '<script>',
  'a'.repeat(300),
  'A'.repeat(300),
];

const part = (system: string, name: string): Part => ({
  system,
  object: '',
  facts: {
    table: name,
    meaning: null,
    columns: [],
    windowed: false,
    retained: null,
    anonymised: [],
    rows: 0,
    bytes: 0,
    sha256: '',
  },
});

const SAFE = /^data\/(\w[\w.-]*)\/(\w[\w.-]*)\.(ndjson|csv)$/;
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Returns the paths that are unsafe on Windows, on a case-insensitive file system, in a shell or for an unpacker. */
function unsafePaths(paths: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return paths.filter((path) => {
    const isDuplicate = seen.has(path.toLowerCase());
    seen.add(path.toLowerCase());
    const segments = path.split('/');
    return (
      isDuplicate ||
      !SAFE.test(path) ||
      segments.some((segment) => DEVICE.test(segment) || /\.\.|\.$/.test(segment) || segment.length > 120)
    );
  });
}

test('returns safe and stable paths for hostile names of systems and tables', () => {
  const parts = HOSTILE.flatMap((system) => HOSTILE.map((name) => part(system, name)));
  expect(unsafePaths(assignPaths(parts, 'csv'))).toEqual([]);
  expect(assignPaths(parts, 'csv')).toEqual(assignPaths(parts, 'csv'));
});

test('returns safe and unique paths for random names', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))), (names) => {
      const parts = names.map(([system, name]) => part(system, name));
      expect(unsafePaths(assignPaths(parts, 'ndjson'))).toEqual([]);
    }),
  );
});

test('keeps an ordinary name and numbers the second one that differs only by case', () => {
  expect(assignPaths([part('app', 'app.order_items'), part('app', 'APP.order_items')], 'ndjson')).toEqual([
    'data/app/app.order_items.ndjson',
    'data/app/APP.order_items-2.ndjson',
  ]);
});

test('packs and unpacks each table with its own rows when names are hostile', async () => {
  const parts = await collect(
    context,
    HOSTILE.map((name, index) => table(name, lines({ id: index }))),
    '../../etc',
  );
  const { files, manifest, zip } = await pack(context, contents(parts));
  expect(files.size).toBe(HOSTILE.length + 2);
  for (const [index, { path, table: name }] of manifest.files.entries()) {
    expect(name).toBe(HOSTILE[index]);
    expect(files.get(path ?? '')?.toString()).toBe(lines({ id: index }));
  }
  expect([0, null]).toContain(unzipTest(zip));
});

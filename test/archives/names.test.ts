import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { assignPaths } from '../../archives/names.ts';
import type { Part } from '../../domain/archive.ts';
import { archives } from '../support/archives.ts';
import { type Packing, collect, contents, lines, pack, packing, table, unzipTest } from './packing.ts';

const storage = archives();
let place: Packing;
beforeEach(async () => {
  place = await packing(storage);
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
    rows: 0,
    bytes: 0,
    sha256: '',
  },
});

const SAFE = /^data\/(\w[\w.-]*)\/(\w[\w.-]*)\.(ndjson|csv)$/;
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** What would go wrong somewhere: on Windows, on a disk without case, in a shell, in an unpacker. */
function wrong(paths: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return paths.filter((path) => {
    const twice = seen.has(path.toLowerCase());
    seen.add(path.toLowerCase());
    const segments = path.split('/');
    return (
      twice ||
      !SAFE.test(path) ||
      segments.some((segment) => DEVICE.test(segment) || /\.\.|\.$/.test(segment) || segment.length > 120)
    );
  });
}

test('a file is called by letters, digits and a few marks, whatever its table is called', () => {
  const parts = HOSTILE.flatMap((system) => HOSTILE.map((name) => part(system, name)));
  expect(wrong(assignPaths(parts, 'csv'))).toEqual([]);
  expect(assignPaths(parts, 'csv')).toEqual(assignPaths(parts, 'csv'));
});

test('names that nobody thought of are safe too, and each table has its own', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))), (names) => {
      const parts = names.map(([system, name]) => part(system, name));
      expect(wrong(assignPaths(parts, 'ndjson'))).toEqual([]);
    }),
  );
});

test('an ordinary name stays as it is, and the first of two keeps it', () => {
  expect(assignPaths([part('app', 'app.order_items'), part('app', 'APP.order_items')], 'ndjson')).toEqual([
    'data/app/app.order_items.ndjson',
    'data/app/APP.order_items-2.ndjson',
  ]);
});

test('tables with hostile names are packed, each with its own rows, and unpack', async () => {
  const parts = await collect(
    place,
    HOSTILE.map((name, index) => table(name, lines({ id: index }))),
    '../../etc',
  );
  const { files, manifest, zip } = await pack(place, contents(parts));
  expect(files.size).toBe(HOSTILE.length + 2);
  for (const [index, { path, table: name }] of manifest.files.entries()) {
    expect(name).toBe(HOSTILE[index]);
    expect(files.get(path ?? '')?.toString()).toBe(lines({ id: index }));
  }
  expect([0, null]).toContain(unzipTest(zip));
});

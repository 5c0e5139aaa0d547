import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExportOptions } from '../../connectors/connector.ts';
import type { Identity } from '../../domain/identity.ts';
import { type Fixture, batchOf, exportVerbOf, fixture, withTables, user, testContext } from '../connectors/fixture.ts';
import { archives } from '../support/archives.ts';
import { type Packed, collect, contents, download, pack, packingContext, subjectKeys, unzipTest } from './packing.ts';

const storage = archives();
const settings = withTables({ table: 'app.order_notes', subject: 'user_id' });
let db: Fixture;
beforeAll(async () => {
  db = await fixture(6, settings);
  // u-1 and u-2 share a company, an order and the alias `team`. Each user has a canary in every table.
  await db.sql.unsafe(`
    CREATE TABLE app.order_notes (order_id bigint REFERENCES app.orders, user_id text, note text);
    CREATE INDEX ON app.order_notes (user_id);
    INSERT INTO app.memberships SELECT 3, 'u-' || n FROM generate_series(1, 2) n ON CONFLICT DO NOTHING;
    INSERT INTO app.order_notes SELECT 1, 'u-' || n, 'canary-note-' || n FROM generate_series(1, 6) n;
    INSERT INTO app.aliases SELECT 'team', 'u-' || n FROM generate_series(1, 2) n;
    INSERT INTO app.events (user_id, note) VALUES ('team', 'canary-of-the-team');
    UPDATE app.users SET name = 'canary-name-' || substr(user_id, 3);
    UPDATE app.events SET note = 'canary-event-' || substr(user_id, 3) WHERE user_id <> 'team';
    UPDATE app.order_items SET sku = 'canary-sku-' || order_id;
    UPDATE app.invoices SET address = 'canary-street-' || substr(user_id, 3);
    UPDATE app.ratings SET comment = 'canary-comment-' || substr(user_id, 3)`);
});
afterAll(() => db.close());

async function archiveOf(
  subjects: readonly Identity[][],
  format: ExportOptions['format'] = 'ndjson',
): Promise<Packed & { readonly key: string }> {
  const context = await packingContext(storage);
  const connector = db.connector({}, settings);
  const options: ExportOptions = { scope: 'data', since: null, format };
  const tables = exportVerbOf(connector)(batchOf(subjects), options, testContext());
  const request = { id: context.requestId, format, subjects: subjects.length };
  return { ...(await pack(context, contents(await collect(context, tables), request))), key: context.keys.key };
}

/** Finds the seeded rows of u-1 without the connector. */
const SEEDED: Readonly<Record<string, string>> = {
  'app.users': `user_id = 'u-1'`,
  'app.aliases': `user_id = 'u-1'`,
  'app.events': `user_id IN ('u-1', 'a-1')`,
  'app.orders': `user_id = 'u-1'`,
  'app.order_items': `order_id = 1`,
  'app.order_notes': `user_id = 'u-1'`,
  'app.newsletter': `email = 'user1@x.test'`,
  'app.invoices': `user_id = 'u-1'`,
  'app.ratings': `user_id = 'u-1'`,
  'app.memberships': `user_id = 'u-1'`,
  'app.segment_members': `user_id = 'u-1'`,
};

test('packs exactly the seeded rows of a user with counts and checksums per table', async () => {
  const { manifest, files, zip } = await archiveOf([user(1)]);
  expect([0, null]).toContain(unzipTest(zip));
  expect(manifest.files.map(({ table }) => table).toSorted()).toEqual(Object.keys(SEEDED).toSorted());
  expect(files.size).toBe(manifest.files.length + 2);
  for (const { table, rows, bytes, sha256, path } of manifest.files) {
    const [seeded] = await db.sql.unsafe<{ count: number }[]>(
      `SELECT count(*)::int FROM ${table} WHERE ${SEEDED[table]}`,
    );
    const file = files.get(path ?? '') ?? Buffer.alloc(0);
    expect([table, rows]).toEqual([table, seeded?.count]);
    expect(rows).toBeGreaterThan(0);
    expect(file).toHaveLength(bytes);
    expect(createHash('sha256').update(file).digest('hex')).toBe(sha256);
    expect(file.toString().split('\n')).toHaveLength(rows + 1);
  }
});

test('packs tables that equal their source when loaded into a new schema', async () => {
  const { manifest, text } = await archiveOf([user(1)]);
  await db.sql.unsafe('CREATE SCHEMA fresh');
  for (const { table, path } of manifest.files) {
    const fresh = table.replace('app.', 'fresh.');
    await db.sql.unsafe(`CREATE TABLE ${fresh} (LIKE ${table})`);
    for (const line of text(path ?? '')
      .split('\n')
      .slice(0, -1))
      await db.sql.unsafe(`INSERT INTO ${fresh} SELECT * FROM json_populate_record(NULL::${fresh}, $1::text::json)`, [
        line,
      ]);
    const source = `SELECT * FROM ${table} WHERE ${SEEDED[table]}`;
    const rows = await db.sql.unsafe(`
      (TABLE ${fresh} EXCEPT ALL ${source}) UNION ALL (${source} EXCEPT ALL TABLE ${fresh})`);
    expect([table, [...rows]]).toEqual([table, []]);
  }
});

test('does not include data of another user who shares a company, an order and an alias', async () => {
  const [first, second] = [await archiveOf([user(1)]), await archiveOf([user(2)])];
  const canaries = (number: number): RegExp[] => [
    ...['note', 'name', 'event', 'sku', 'street', 'comment'].map((what) => new RegExp(`canary-${what}-${number}\\b`)),
    new RegExp(`user${number}@x\\.test`, 'i'),
    new RegExp(`\\b[ua]-${number}\\b`),
  ];
  const everything = ({ files }: Packed): string => Buffer.concat([...files.values()]).toString();
  for (const canary of canaries(1)) expect(everything(first)).toMatch(canary);
  for (const canary of canaries(2)) expect(everything(second)).toMatch(canary);
  for (const [packed, others] of [
    [first, 2],
    [second, 1],
  ] as const) {
    const bytes = everything(packed);
    for (const canary of canaries(others)) expect(bytes).not.toMatch(canary);
    // The shared alias was not submitted, so its data belongs to both and is not exported.
    expect(bytes).not.toContain('canary-of-the-team');
  }
});

test('packs the rows of exactly the two users of a request for two users', async () => {
  const { text, manifest } = await archiveOf([user(1), user(2)]);
  const rows = manifest.files.map(({ path }) => text(path ?? '')).join('');
  expect(rows.match(/canary-name-\d/g)?.toSorted()).toEqual(['canary-name-1', 'canary-name-2']);
  expect(rows).not.toMatch(/canary-\w+-[3-6]/);
  expect(text('index.html')).not.toContain('canary');
});

test.each(['ndjson', 'csv'] as const)(
  'packs %s without one of two users as if only the other was exported',
  async (format) => {
    const both = await archiveOf([user(1), user(2)], format);
    const alone = await archiveOf([user(1)], format);
    const manifest = { ...both.archive.manifest, subjects: 1, removedSubjects: 1 };
    const keys = { key: both.key, subjects: subjectKeys([1]) };
    const { files, zip } = await download(storage, keys, { ...both.archive, manifest });
    expect([0, null]).toContain(unzipTest(zip));
    expect([...files.keys()]).toEqual([...both.files.keys()]);
    const rowsOf = (bytes: Buffer | undefined) => bytes?.toString().split('\n').toSorted();
    for (const { path } of alone.manifest.files)
      expect([path, rowsOf(files.get(path ?? ''))]).toEqual([path, rowsOf(alone.files.get(path ?? ''))]);
    const { files: described, ...rest } = JSON.parse(files.get('manifest.json')?.toString() ?? '') as typeof manifest;
    expect(rest).toMatchObject({ subjects: 1, removedSubjects: 1 });
    for (const { path, rows, bytes, sha256 } of described) {
      const file = files.get(path ?? '') ?? Buffer.alloc(0);
      const single = alone.manifest.files.find((each) => each.path === path);
      expect([path, rows, bytes]).toEqual([path, single?.rows, file.length]);
      expect(sha256).toBe(createHash('sha256').update(file).digest('hex'));
    }
    expect(Buffer.concat([...files.values()]).toString()).not.toMatch(/canary-\w+-2|user2@x\.test|\b[ua]-2\b/i);
  },
);

const FORMULAS = [
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '|calc',
  '\ttab',
  '\rreturn',
  '\nline',
  '\uff1d1',
  '\uff5c1',
  '\u22121',
];
const DISGUISED = [' =1', '\u00a0+1', '\u200b@1', '\ufeff-1', '\u3000\t=1', "'=1", "'' =1"];
const TEXTS = ['plain', `<b>&"'`, '', "'quoted'", ' indented', '1=1', '\u00e9=', '\u{1f600}='];

test('escapes formulas in CSV, which the manifest reports, and not in NDJSON', async () => {
  const formulas = [...FORMULAS, ...DISGUISED];
  const notes = [...formulas, ...TEXTS];
  await db.sql`DELETE FROM app.order_notes WHERE user_id = 'u-3'`;
  await db.sql`INSERT INTO app.order_notes SELECT 3, 'u-3', unnest(${notes}::text[])`;
  const csv = await archiveOf([user(3)], 'csv');
  expect(csv.manifest.csv).toBe('escaped');
  expect(csv.manifest.files.every(({ path }) => path?.endsWith('.csv'))).toBe(true);
  const cells = parse<Record<string, string>>(csv.text('data/app/app.order_notes.csv'), { columns: true });
  expect(cells.map(({ note }) => String(note)).toSorted()).toEqual(
    [...formulas.map((note) => `'${note}`), ...TEXTS].toSorted(),
  );
  expect(csv.text('index.html')).toContain('&#60;b&#62;&#38;&#34;&#39;');
  expect(csv.text('index.html')).not.toContain('<b>');
  const ndjson = await archiveOf([user(3)]);
  expect(ndjson.manifest.csv).toBeNull();
  const lines = ndjson.text('data/app/app.order_notes.ndjson').split('\n').slice(0, -1);
  expect(lines.map((line) => (JSON.parse(line) as { note: string }).note).toSorted()).toEqual(notes.toSorted());
});

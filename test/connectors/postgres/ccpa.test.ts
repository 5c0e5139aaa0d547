import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connector } from '../../../connectors/connector.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { exportedSince } from '../../../domain/policy.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
import { type Packed, collect, contents, pack, packingContext } from '../../archives/packing.ts';
import { archives } from '../../support/archives.ts';
import { type DefaultDeployment, defaultDeployment } from '../../support/world/default-deployment.ts';
import { batchOf, exportVerbOf, testContext } from '../fixture.ts';

/** Exports under CCPA with the shipped data map and real rows, as downloaded archives. */
const RECEIVED = new Date('2026-11-22T10:00:00Z');
const daysBefore = (days: number): Date => new Date(RECEIVED.getTime() - days * DAY_MS);
const storage = archives();

let demo: DefaultDeployment;
let sql: postgres.Sql;
let connector: Connector;
beforeAll(async () => {
  demo = await defaultDeployment(0.01);
  ({ sql, connector } = demo);
  await addCanaries();
});
afterAll(async () => demo.close());

/** Inserts a row inside and a row before the twelve months into every table that has a time column. */
async function addCanaries(): Promise<void> {
  const order = { late: randomUUID(), early: randomUUID() };
  await sql.unsafe(`
    INSERT INTO app.users VALUES ('canary-key', '${randomUUID()}', 'canary-external', 'Canary@x.test', 'canary-unit', 'canary-name', '2021-03-04 05:06:07.891Z');
    INSERT INTO app.aliases VALUES ('canary-alias', 'canary-key');
    INSERT INTO app.companies VALUES (987650001, 'canary-company.test', 'canary company');
    INSERT INTO app.memberships VALUES (987650001, 'canary-key', 'canary-role');
    INSERT INTO app.segment_members VALUES ('canary-segment', 'canary-key')`);
  for (const [when, days] of [
    ['late', 364],
    ['early', 366],
  ] as const) {
    const at = daysBefore(days);
    const n = 987650000 + days;
    const identity = when === 'late' ? 'canary-key' : 'canary-alias';
    await sql`INSERT INTO app.events VALUES (${n}, ${identity}, ${at}, ${`canary-event-${when}`}, ${`10.98.76.${days % 256}`},
      ${`canary-sdk-${when}`}, ${`canary-utm-${when}`})`;
    await sql`INSERT INTO app.orders VALUES (${order[when]}, 'canary-key', ${at})`;
    await sql`INSERT INTO app.order_items VALUES (${order[when]}, ${n}, ${`canary-sku-${when}`}, ${n})`;
    await sql`INSERT INTO app.invoices VALUES (${n}, 'canary-key', ${at}, ${n}, ${`canary-address-${when}`})`;
  }
  await sql`INSERT INTO app.newsletter VALUES ('canary@X.test', 'Canary-Unit', ${daysBefore(366)})`;
}

/** The unpacked archive of the subject. */
async function archiveOf(regulation: string, scope: Scope): Promise<Packed> {
  const since = exportedSince(regulation, RECEIVED);
  const target = await packingContext(storage);
  const identities = [
    { type: 'user_id', value: ['canary-key'] },
    { type: 'email', value: ['canary@x.test', 'canary-unit'] },
    { type: 'alias', value: ['canary-alias'] },
  ];
  const batch = batchOf([identities], { requestId: target.requestId, batch: 'e1' });
  const parts = await collect(
    target,
    exportVerbOf(connector)(batch, { scope, since, format: 'ndjson' }, testContext()),
  );
  return pack(target, contents(parts, { regulation, scope, since, receivedAt: RECEIVED }));
}

const rowsOf = (archive: Packed, table: string): Record<string, unknown>[] =>
  archive
    .text(`data/app/${table}.ndjson`)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const allText = ({ files }: Packed): string => [...files.values()].join('\n');

test.each([
  ['2026-11-22T10:00:00.000Z', '2025-11-22T10:00:00.000Z'],
  ['2028-02-29T10:00:00.000Z', '2027-02-28T10:00:00.000Z'],
  ['2029-02-28T10:00:00.000Z', '2028-02-28T10:00:00.000Z'],
  ['2028-03-01T00:00:00.000Z', '2027-03-01T00:00:00.000Z'],
])('starts the twelve months before %s at %s', (received, since) => {
  expect(exportedSince('ccpa', new Date(received))?.toISOString()).toBe(since);
  expect(exportedSince('gdpr', new Date(received))).toBeNull();
});

test('excludes rows that are 366 days old and includes rows that are 364 days old', async () => {
  const archive = await archiveOf('ccpa', 'data');
  expect(allText(archive)).not.toMatch(/canary-(event|sdk|utm|address)-early/);
  expect(rowsOf(archive, 'app.events').map((row) => row['name'])).toEqual(['canary-event-late']);
  for (const table of ['app.orders', 'app.invoices']) expect(rowsOf(archive, table)).toHaveLength(1);
  expect(rowsOf(archive, 'app.newsletter')).toEqual([]);
  // A table without a time column is included in full, and the manifest says so.
  expect(rowsOf(archive, 'app.order_items')).toHaveLength(2);
  const { since, files } = archive.manifest;
  expect(since).toBe('2025-11-22T10:00:00.000Z');
  const windowed = files.filter((file) => file.windowed).map(({ table }) => table);
  expect(windowed.toSorted()).toEqual(['app.events', 'app.invoices', 'app.newsletter', 'app.orders']);
});

test('includes rows of any age under another regulation', async () => {
  const archive = await archiveOf('gdpr', 'data');
  expect(rowsOf(archive, 'app.events').map((row) => row['name'])).toEqual(['canary-event-late', 'canary-event-early']);
  for (const table of ['app.orders', 'app.invoices']) expect(rowsOf(archive, table)).toHaveLength(2);
  expect(rowsOf(archive, 'app.newsletter')).toHaveLength(1);
  expect(archive.manifest).toMatchObject({ since: null });
});

/** Every value of every row of the subject, as text. */
async function valuesOf(): Promise<string[]> {
  const values = new Set<string>();
  for (const [table, condition] of [
    ['users', "user_id = 'canary-key'"],
    ['aliases', "user_id = 'canary-key'"],
    ['events', "user_id LIKE 'canary%'"],
    ['orders', "user_id = 'canary-key'"],
    ['order_items', "sku LIKE 'canary%'"],
    ['newsletter', "email ILIKE 'canary%'"],
    ['invoices', "user_id = 'canary-key'"],
    ['memberships', "user_id = 'canary-key'"],
    ['segment_members', "user_id = 'canary-key'"],
  ] as const) {
    const found = await sql.unsafe<{ value: string }[]>(
      `SELECT value FROM app.${table} t, jsonb_each_text(to_jsonb(t)) WHERE value IS NOT NULL AND t.${condition}`,
    );
    expect([table, found.length]).not.toEqual([table, 0]);
    for (const { value } of found) values.add(value);
  }
  return [...values];
}

test('exports categories with tables, columns, descriptions and row counts, but no value', async () => {
  const values = await valuesOf();
  expect(values.length).toBeGreaterThan(30);
  const rows = allText(await archiveOf('gdpr', 'data'));
  expect(values.filter((value) => !rows.includes(value))).toEqual([]);

  for (const regulation of ['gdpr', 'ccpa']) {
    const archive = await archiveOf(regulation, 'categories');
    expect([...archive.files.keys()]).toEqual(['index.html', 'manifest.json']);
    const text = allText(archive);
    expect(values.filter((value) => text.includes(value))).toEqual([]);
    expect(text).not.toMatch(/canary/i);
    const { files } = archive.manifest;
    const events = files.find(({ table }) => table === 'app.events');
    expect(events).toMatchObject({ path: null, rows: regulation === 'ccpa' ? 1 : 2, bytes: 0 });
    expect(events?.columns).toContainEqual(
      expect.objectContaining({ name: 'ip', meaning: 'IP address of your device' }),
    );
    expect(text).toContain('IP address of your device');
    // A table with only older rows is not listed under CCPA.
    expect(files.some(({ table }) => table === 'app.newsletter')).toBe(regulation === 'gdpr');
  }
});

test('exports only the columns under sources of the selected rows', async () => {
  const archive = await archiveOf('ccpa', 'sources');
  expect([...archive.files.keys()]).toEqual(['data/app/app.events.ndjson', 'index.html', 'manifest.json']);
  const late = { ip: '10.98.76.108', sdk: 'canary-sdk-late', utm_source: 'canary-utm-late' };
  expect(rowsOf(archive, 'app.events')).toEqual([late]);
  const found = new Set(allText(archive).match(/canary[\w.-]*/gi));
  expect([...found].toSorted()).toEqual(['canary-sdk-late', 'canary-utm-late']);
  const allowed = Object.values(late);
  const text = allText(archive);
  const others = (await valuesOf()).filter((value) => !allowed.includes(value));
  expect(others.filter((value) => text.includes(value))).toEqual([]);
});

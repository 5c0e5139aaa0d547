import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ExportedTable } from '../../connectors/connector.ts';
import type { Contents } from '../../domain/archive.ts';
import { archives } from '../support/archives.ts';
import { type PackingContext, collect, column, contents, lines, pack, packingContext, table } from './packing.ts';

const storage = archives();
let context: PackingContext;
beforeEach(async () => {
  context = await packingContext(storage);
});

const pageOf = async (
  tables: readonly ExportedTable[],
  request: Partial<Contents['request']> = {},
  more: Partial<Contents> = {},
): Promise<string> => (await pack(context, contents(await collect(context, tables), request, more))).text('index.html');

/** The visible text of the page. Tags become `|`. */
const textOf = (page: string): string =>
  page
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replaceAll(/<[^>]*>/g, '|')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

const HOSTILE = `<script>alert(1)</script>"'&<img src=x onerror=alert(2)> </td></table><style>*{}</style><!--`;

describe('hostile markup in the data', () => {
  /** Returns tags and attributes that could run code, load a resource or break the layout. */
  const dangerousMarkup = (page: string): readonly string[] => [
    ...(page.replaceAll(/<style>.*?<\/style>/gs, '').match(/<(script|style|img|!--)|<[^>]*\s(on\w+|src)=/g) ?? []),
    ...(page.split('<table').length === page.split('</table>').length ? [] : ['a table is not closed']),
  ];

  test.each<[string, () => Promise<string>]>([
    ['a value', () => pageOf([table('t', lines({ id: HOSTILE }))])],
    ['a value of a table with several rows', () => pageOf([table('t', lines({ id: HOSTILE }, { id: 'x' }))])],
    ['a name or value in JSON', () => pageOf([table('t', lines({ id: { [HOSTILE]: [[HOSTILE], { a: HOSTILE }] } }))])],
    [
      'a column name, type or description',
      () =>
        pageOf([
          table('t', lines({ [HOSTILE]: 'x' }), { columns: [column(HOSTILE, { meaning: HOSTILE, type: HOSTILE })] }),
        ]),
    ],
    [
      'a table name, description or retention basis',
      () => pageOf([table(HOSTILE, lines({ id: 1 }), { meaning: HOSTILE, retained: HOSTILE })]),
    ],
    ['the name of a table without rows', () => pageOf([table(HOSTILE, '')])],
    [
      'a project, regulation or system name',
      () => pageOf([], { project: HOSTILE, regulation: HOSTILE }, { systems: [{ system: HOSTILE, cutOffAt: null }] }),
    ],
    ['a CSV cell', () => pageOf([csv(`id\n"${HOSTILE.replaceAll('"', '""')}"\n`, 1)], { format: 'csv' })],
  ])('is shown as text when it is in %s', async (_where, page) => {
    const html = await page();
    expect(textOf(html)).toContain(HOSTILE);
    expect(dangerousMarkup(html)).toEqual([]);
  });
});

const csv = (text: string, count: number, names = ['id']): ExportedTable =>
  table('t', text, { count, columns: names.map((name) => column(name)) });

test('allows only its own style sheet by a content security policy and links only to files of the archive', async () => {
  const page = await pageOf([table('t', lines({ id: 1 }))]);
  const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(textOf(page.replaceAll('<meta', 'meta'))).toContain(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
  );
  expect(style.length).toBeGreaterThan(500);
  expect(style).not.toMatch(/url\(|@import/);
  expect(page).not.toMatch(/\sstyle=|https?:|src=/);
  expect(page.indexOf('charset=')).toBeLessThan(1024);
  expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
  // Every link leads to a file of the archive or to an element of the page.
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, target = '']) => target);
  expect(links.filter((target) => !target.startsWith('#'))).toEqual(['data/app/t.ndjson', 'manifest.json']);
  for (const anchor of links.filter((target) => target.startsWith('#')))
    expect(page).toContain(`id="${anchor.slice(1)}"`);
});

test('shows the regulation, the dates, the contents, retained and anonymised tables and systems that are not included', async () => {
  const text = textOf(
    await pageOf(
      [
        table('app.invoices', lines({ id: 1 }, { id: 2 }), {
          meaning: 'Your invoices',
          retained: 'tax law, 10 years',
          columns: [column('id', { meaning: 'Invoice number' })],
        }),
        table('app.users', lines({ id: 1, mail: 'a', name: 'b' }), {
          columns: [column('id'), column('mail', { meaning: 'E-mail address' }), column('name')],
          anonymised: ['mail', 'name', 'secret'],
        }),
        table('app.empty_table', '', { anonymised: ['note'] }),
      ],
      {},
      {
        systems: [
          { system: 'app', cutOffAt: new Date('2026-03-01T08:00:05Z') },
          { system: 'mixpanel', cutOffAt: null },
        ],
      },
    ),
  );
  for (const phrase of [
    'Data stored about you',
    'General Data Protection Regulation',
    '1 March 2026, 08:01 UTC',
    'All data, regardless of age',
    '3 entries in 2 tables',
    'Your invoices',
    'Invoice number',
    'Data kept after a deletion',
    'Invoices: tax law, 10 years',
    'Data made anonymous by a deletion',
    'Users: E-mail address, name',
    'Data not included',
    'mixpanel',
    'Tables without entries',
    'Empty table',
    'app: 1 March 2026, 08:00 UTC',
  ])
    expect(text).toContain(phrase);
  expect(text).not.toContain('Tables without dates');
  expect(text).not.toContain('secret');
  expect(text).not.toContain('Empty table: note');
});

test('shows the start of the period and the tables that are included completely', async () => {
  const since = new Date('2025-03-01T08:00:00Z');
  const text = textOf(
    await pageOf([table('app.events', lines({ id: 1 }), { windowed: true }), table('app.users', lines({ id: 1 }))], {
      regulation: 'ccpa',
      since,
    }),
  );
  expect(text).toContain('California Consumer Privacy Act');
  expect(text).toContain('Since 1 March 2025, 08:00 UTC');
  expect(/Tables without dates.*$/s.exec(text)?.[0]).toMatch(/\|Users\|/);
  expect(/Tables without dates.*$/s.exec(text)?.[0]).not.toMatch(/\|Events\|/);
});

test('shows columns, descriptions and counts, and no values, for the scope `categories`', async () => {
  const columns = [
    column('email', { meaning: 'Email address', filled: 1_234 }),
    column('ip', { filled: 5, source: true }),
  ];
  const held = table('app.users', '', { columns, figures: () => ({ rows: 2_000, bytes: 0 }) });
  const text = textOf(await pageOf([held], { scope: 'categories' }));
  for (const phrase of [
    'Categories of data stored about you',
    'email',
    'Email address',
    '1,234 entries',
    '5 entries',
    '2,000',
    'shows how data was collected',
  ])
    expect(text).toContain(phrase);
});

test('does not show values when the archive is about several people', async () => {
  const page = await pageOf([table('app.users', lines({ id: 'canary-1' }, { id: 'canary-2' }))], { subjects: 2_000 });
  expect(textOf(page)).toContain('Data stored about 2,000 people');
  expect(textOf(page)).toContain('2 entries');
  expect(page).not.toContain('canary');
});

test('addresses the company when the archive is about a company', async () => {
  expect(textOf(await pageOf([], { subjectKind: 'company' }))).toContain('Data stored about your company');
});

describe('rows', () => {
  const row = async (value: unknown, type = 'text'): Promise<string> => {
    const page = await pageOf([table('t', lines({ id: value }), { columns: [column('id', { type })] })]);
    return /<tr><th scope="row">id<\/th><td>(.*?)<\/td><\/tr>/s.exec(page)?.[1] ?? '';
  };

  test.each<[unknown, string, string]>([
    [null, 'text', '<i class="none">no value</i>'],
    ['', 'text', '<i class="none">empty text</i>'],
    [true, 'boolean', 'yes'],
    [[], 'text[]', '<i class="none">empty list</i>'],
    [['a', null], 'text[]', '<ul><li>a</li><li><i class="none">no value</i></li></ul>'],
    [{ a: { b: 1 } }, 'jsonb', '<dl><dt>a</dt><dd><dl><dt>b</dt><dd>1</dd></dl></dd></dl>'],
    [{}, 'jsonb', '<i class="none">no value</i>'],
    ['2026-01-02T03:04:05.678901+00:00', 'timestamp with time zone', '<time>2026-01-02 03:04:05.678901 UTC</time>'],
    ['2026-01-02T03:04:05', 'timestamp without time zone', '<time>2026-01-02 03:04:05</time>'],
    ['infinity', 'timestamp with time zone', 'infinity'],
    ['2026-01-02T03:04:05+00:00', 'text', '2026-01-02T03:04:05+00:00'],
    ['a\nb', 'text', 'a\nb'],
    [' two  spaces ', 'text', ' two  spaces '],
  ])('shows %j of type %s as %s', async (value, type, shown) => {
    expect(await row(value, type)).toBe(shown);
  });

  test('shows all digits of large and small numbers', async () => {
    const text = '{"id":12345678901234567890.10,"more":[-0,1e-400,9223372036854775807]}\n';
    const columns = [column('id', { type: 'numeric' }), column('more', { type: 'jsonb' })];
    const page = textOf(await pageOf([table('t', text, { columns })]));
    for (const number of ['|12345678901234567890.10|', '|-0|', '|1e-400|', '|9223372036854775807|'])
      expect(page).toContain(number);
  });

  test('shortens long text and deeply nested values with a note', async () => {
    const long = await row('x'.repeat(5_000));
    expect(long).toMatch(/^x{2000}<i class="none"> … full text in the file<\/i>$/);
    expect(await row(`x${'😀'.repeat(3_000)}`)).not.toContain('\uFFFD');
    expect(await row([[[[['deep']]]]], 'jsonb')).toContain('more in the file');
    expect(await row([[[['not so deep']]]], 'jsonb')).toContain('not so deep');
  });

  test('shows the first 100 rows and a link to all rows', async () => {
    const rows = Array.from({ length: 150 }, (_, index) => ({ id: `row-${index + 1};` }));
    const page = await pageOf([table('t', lines(...rows))]);
    expect(page).toContain('row-100;');
    expect(page).not.toContain('row-101;');
    expect(textOf(page)).toContain('The first 100 entries are shown here. All 150 are in |data/app/t.ndjson|.');
  });

  test('shows only the rows that fit into the size limit', async () => {
    const big = (length: number, id: string) => ({ id, note: 'x'.repeat(length) });
    const columns = [column('id'), column('note')];
    const some = await pageOf([
      table('t', lines(big(90_000, 'row one'), big(90_000, 'row two'), big(90_000, 'row three')), { columns }),
    ]);
    expect(some).toContain('row one');
    expect(some).toContain('row two');
    expect(some).not.toContain('row three');
    expect(textOf(some)).toContain('The first 2 entries are shown here. All 3 are in');
    const none = await pageOf([table('t', lines(big(900_000, 'row one')), { columns })]);
    expect(none).not.toContain('row one');
    expect(textOf(none)).toContain('1 entry');
    expect(none.length).toBeLessThan(20_000);
  });

  test('packs a row that is nested too deeply to show', async () => {
    const text = `{"id":${'['.repeat(50_000)}${']'.repeat(50_000)}}\n`;
    const packed = await pack(context, contents(await collect(context, [table('t', text)])));
    expect(packed.text('data/app/t.ndjson')).toBe(text);
    expect(textOf(packed.text('index.html'))).toContain('1 entry');
  });

  test('shows the values of columns named like object properties', async () => {
    const columns = ['__proto__', 'constructor', 'id'].map((name) => column(name));
    const page = textOf(await pageOf([table('t', '{"__proto__":"one","constructor":"two","id":"x"}\n', { columns })]));
    expect(page).toMatch(/\|__proto__\|+one\|/);
    expect(page).toMatch(/\|constructor\|+two\|/);
  });

  test('shows wide tables entry by entry and narrow tables row by row', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const rows = [1, 2].map((n) => Object.fromEntries(names.map((name) => [name, `${name}${n}`])));
    const wide = await pageOf([table('t', lines(...rows), { columns: names.map((name) => column(name)) })]);
    expect(wide).toContain('<caption>Entry 2</caption>');
    expect(wide).toContain('<th scope="row">f</th><td>f2</td>');
    const narrow = await pageOf([
      table('t', lines(...rows), { columns: names.slice(0, 5).map((name) => column(name)) }),
    ]);
    expect(narrow).toContain('<th scope="col">e</th>');
    expect(narrow).toContain('<td>e2</td>');
    expect(narrow).not.toContain('Entry 2');
  });

  test('shows CSV cells as they are in the file', async () => {
    const text = 'id,note\n1,"a ""b""\r\n, c"\n2,""\n3,\n4,\'=SUM(A1)\n';
    const page = textOf(await pageOf([csv(text, 4, ['id', 'note'])], { format: 'csv' }));
    for (const shown of ['|a "b"\r\n, c|', '|2||empty text|', '|3||no value|', "|4||'=SUM(A1)|"])
      expect(page.replaceAll(/\|+/g, (bars) => (bars.length > 2 ? '||' : bars))).toContain(shown);
    expect(page).toContain('an apostrophe is added before it');
  });
});

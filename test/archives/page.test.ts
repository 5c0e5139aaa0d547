import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ExportedTable } from '../../connectors/connector.ts';
import type { Contents } from '../../domain/archive.ts';
import { archives } from '../support/archives.ts';
import { type Packing, collect, column, contents, lines, pack, packing, table } from './packing.ts';

const storage = archives();
let place: Packing;
beforeEach(async () => {
  place = await packing(storage);
});

const pageOf = async (
  tables: readonly ExportedTable[],
  request: Partial<Contents['request']> = {},
  more: Partial<Contents> = {},
): Promise<string> => (await pack(place, contents(await collect(place, tables), request, more))).text('index.html');

/** What a reader sees: without markup, with the marks that were escaped. */
const seen = (page: string): string =>
  page
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replaceAll(/<[^>]*>/g, '|')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

const HOSTILE = `<script>alert(1)</script>"'&<img src=x onerror=alert(2)> </td></table><style>*{}</style><!--`;

describe('whatever stands in the data is text', () => {
  /** Only the tags that the page was made of, and none with an attribute that could run or fetch. */
  const harm = (page: string): readonly string[] => [
    ...(page.replaceAll(/<style>.*?<\/style>/gs, '').match(/<(script|style|img|!--)|<[^>]*\s(on\w+|src)=/g) ?? []),
    ...(page.split('<table').length === page.split('</table>').length ? [] : ['a table is left open']),
  ];

  test.each<[string, () => Promise<string>]>([
    ['a value', () => pageOf([table('t', lines({ id: HOSTILE }))])],
    ['a value of one of many rows', () => pageOf([table('t', lines({ id: HOSTILE }, { id: 'x' }))])],
    [
      'a name or a value within JSON',
      () => pageOf([table('t', lines({ id: { [HOSTILE]: [[HOSTILE], { a: HOSTILE }] } }))]),
    ],
    [
      'a column and its meaning',
      () =>
        pageOf([
          table('t', lines({ [HOSTILE]: 'x' }), { columns: [column(HOSTILE, { meaning: HOSTILE, type: HOSTILE })] }),
        ]),
    ],
    [
      'a table, its meaning and why it is kept',
      () => pageOf([table(HOSTILE, lines({ id: 1 }), { meaning: HOSTILE, retained: HOSTILE })]),
    ],
    ['a table without rows', () => pageOf([table(HOSTILE, '')])],
    [
      'a project, a regulation and a system',
      () => pageOf([], { project: HOSTILE, regulation: HOSTILE }, { systems: [{ system: HOSTILE, cutOffAt: null }] }),
    ],
    ['a cell of CSV', () => pageOf([csv(`id\n"${HOSTILE.replaceAll('"', '""')}"\n`, 1)], { format: 'csv' })],
  ])('%s', async (_what, page) => {
    const made = await page();
    expect(seen(made)).toContain(HOSTILE);
    expect(harm(made)).toEqual([]);
  });
});

const csv = (text: string, count: number, names = ['id']): ExportedTable =>
  table('t', text, { count, columns: names.map((name) => column(name)) });

test('its policy lets nothing run and nothing be fetched; the one style is the one that it allows', async () => {
  const page = await pageOf([table('t', lines({ id: 1 }))]);
  const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(seen(page.replaceAll('<meta', 'meta'))).toContain(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
  );
  expect(style.length).toBeGreaterThan(500);
  expect(style).not.toMatch(/url\(|@import/);
  expect(page).not.toMatch(/\sstyle=|https?:|src=/);
  expect(page.indexOf('charset=')).toBeLessThan(1024);
  expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
  // Files beside it, places in it: each of its links leads there.
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, target = '']) => target);
  expect(links.filter((target) => !target.startsWith('#'))).toEqual(['data/app/t.ndjson', 'manifest.json']);
  for (const place of links.filter((target) => target.startsWith('#')))
    expect(page).toContain(`id="${place.slice(1)}"`);
});

test('it says what it is, under which law, when it was made, and what a deletion would keep', async () => {
  const text = seen(
    await pageOf(
      [
        table('app.invoices', lines({ id: 1 }, { id: 2 }), {
          meaning: 'Bills we sent.',
          retained: 'tax law, 10 years',
          columns: [column('id', { meaning: 'Its number.' })],
        }),
        table('app.nothing_here', ''),
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
  for (const said of [
    'The data held about you',
    'General Data Protection Regulation',
    '1 March 2026, 08:01 UTC',
    'From the beginning',
    '2 entries in 1 table',
    'Bills we sent.',
    'Its number.',
    'What a deletion would keep',
    'Invoices: tax law, 10 years',
    'What is not included',
    'mixpanel',
    'Where nothing was found',
    'Nothing here',
    'app: 1 March 2026, 08:00 UTC',
  ])
    expect(text).toContain(said);
  expect(text).not.toContain('Tables without a time');
});

test('of a window it says where it begins, and which tables are here whole', async () => {
  const since = new Date('2025-03-01T08:00:00Z');
  const text = seen(
    await pageOf([table('app.events', lines({ id: 1 }), { windowed: true }), table('app.users', lines({ id: 1 }))], {
      regulation: 'ccpa',
      since,
    }),
  );
  expect(text).toContain('California Consumer Privacy Act');
  expect(text).toContain('Since 1 March 2025, 08:00 UTC');
  expect(/Tables without a time.*$/s.exec(text)?.[0]).toMatch(/\|Users\|/);
  expect(/Tables without a time.*$/s.exec(text)?.[0]).not.toMatch(/\|Events\|/);
});

test('of categories it says columns, meanings and in how many entries, and no value is asked for', async () => {
  const columns = [
    column('email', { meaning: 'Where we write to.', filled: 1_234 }),
    column('ip', { filled: 5, source: true }),
  ];
  const held = table('app.users', '', { columns, figures: () => ({ rows: 2_000, bytes: 0 }) });
  const text = seen(await pageOf([held], { scope: 'categories' }));
  for (const said of [
    'The kinds of data held about you',
    'email',
    'Where we write to.',
    '1,234 entries',
    '5 entries',
    '2,000',
    'tells how data was collected',
  ])
    expect(text).toContain(said);
});

test('of many people it is an overview: no value of any row', async () => {
  const page = await pageOf([table('app.users', lines({ id: 'canary-1' }, { id: 'canary-2' }))], { subjects: 2_000 });
  expect(seen(page)).toContain('The data held about 2,000 people');
  expect(seen(page)).toContain('2 entries');
  expect(page).not.toContain('canary');
});

test('of a company it speaks to the company', async () => {
  expect(seen(await pageOf([], { subjectKind: 'company' }))).toContain('The data held about your company');
});

describe('rows', () => {
  const row = async (value: unknown, type = 'text'): Promise<string> => {
    const page = await pageOf([table('t', lines({ id: value }), { columns: [column('id', { type })] })]);
    return /<tr><th scope="row">id<\/th><td>(.*?)<\/td><\/tr>/s.exec(page)?.[1] ?? '';
  };

  test.each<[unknown, string, string]>([
    [null, 'text', '<i class="none">none</i>'],
    ['', 'text', '<i class="none">empty text</i>'],
    [true, 'boolean', 'yes'],
    [[], 'text[]', '<i class="none">empty list</i>'],
    [['a', null], 'text[]', '<ul><li>a</li><li><i class="none">none</i></li></ul>'],
    [{ a: { b: 1 } }, 'jsonb', '<dl><dt>a</dt><dd><dl><dt>b</dt><dd>1</dd></dl></dd></dl>'],
    [{}, 'jsonb', '<i class="none">none</i>'],
    ['2026-01-02T03:04:05.678901+00:00', 'timestamp with time zone', '<time>2026-01-02 03:04:05.678901 UTC</time>'],
    ['2026-01-02T03:04:05', 'timestamp without time zone', '<time>2026-01-02 03:04:05</time>'],
    ['infinity', 'timestamp with time zone', 'infinity'],
    ['2026-01-02T03:04:05+00:00', 'text', '2026-01-02T03:04:05+00:00'],
    ['a\nb', 'text', 'a\nb'],
    [' two  spaces ', 'text', ' two  spaces '],
  ])('%j of type %s reads %s', async (value, type, shown) => {
    expect(await row(value, type)).toBe(shown);
  });

  test('a number is shown as it was written, whatever its size', async () => {
    const text = '{"id":12345678901234567890.10,"more":[-0,1e-400,9223372036854775807]}\n';
    const columns = [column('id', { type: 'numeric' }), column('more', { type: 'jsonb' })];
    const page = seen(await pageOf([table('t', text, { columns })]));
    for (const number of ['|12345678901234567890.10|', '|-0|', '|1e-400|', '|9223372036854775807|'])
      expect(page).toContain(number);
  });

  test('what is long is cut with a word, what is nested deeply ends with one', async () => {
    const long = await row('x'.repeat(5_000));
    expect(long).toMatch(/^x{2000}<i class="none"> … longer in the file<\/i>$/);
    expect(await row(`x${'😀'.repeat(3_000)}`)).not.toContain('\uFFFD');
    expect(await row([[[[['deep']]]]], 'jsonb')).toContain('more in the file');
    expect(await row([[[['not so deep']]]], 'jsonb')).toContain('not so deep');
  });

  test('of more than a hundred rows the first hundred are shown, and where all are', async () => {
    const rows = Array.from({ length: 150 }, (_, index) => ({ id: `row-${index + 1};` }));
    const page = await pageOf([table('t', lines(...rows))]);
    expect(page).toContain('row-100;');
    expect(page).not.toContain('row-101;');
    expect(seen(page)).toContain('The first 100 entries are shown here. All 150 are in |data/app/t.ndjson|.');
  });

  test('rows that would fill a page by themselves are shown as far as they fit, or not at all', async () => {
    const big = (length: number, id: string) => ({ id, note: 'x'.repeat(length) });
    const columns = [column('id'), column('note')];
    const some = await pageOf([
      table('t', lines(big(90_000, 'row one'), big(90_000, 'row two'), big(90_000, 'row three')), { columns }),
    ]);
    expect(some).toContain('row one');
    expect(some).toContain('row two');
    expect(some).not.toContain('row three');
    expect(seen(some)).toContain('The first 2 entries are shown here. All 3 are in');
    const none = await pageOf([table('t', lines(big(900_000, 'row one')), { columns })]);
    expect(none).not.toContain('row one');
    expect(seen(none)).toContain('1 entry');
    expect(none.length).toBeLessThan(20_000);
  });

  test('a row that is nested too deeply to be read here does not keep the archive from being made', async () => {
    const text = `{"id":${'['.repeat(50_000)}${']'.repeat(50_000)}}\n`;
    const packed = await pack(place, contents(await collect(place, [table('t', text)])));
    expect(packed.text('data/app/t.ndjson')).toBe(text);
    expect(seen(packed.text('index.html'))).toContain('1 entry');
  });

  test('a column that is called like a member of every object has its own value', async () => {
    const columns = ['__proto__', 'constructor', 'id'].map((name) => column(name));
    const page = seen(await pageOf([table('t', '{"__proto__":"one","constructor":"two","id":"x"}\n', { columns })]));
    expect(page).toMatch(/\|__proto__\|+one\|/);
    expect(page).toMatch(/\|constructor\|+two\|/);
  });

  test('wide tables are shown entry by entry, narrow ones row by row, each with headings', async () => {
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

  test('cells of CSV are shown as the file has them', async () => {
    const text = 'id,note\n1,"a ""b""\r\n, c"\n2,""\n3,\n4,\'=SUM(A1)\n';
    const page = seen(await pageOf([csv(text, 4, ['id', 'note'])], { format: 'csv' }));
    for (const shown of ['|a "b"\r\n, c|', '|2||empty text|', '|3||none|', "|4||'=SUM(A1)|"])
      expect(page.replaceAll(/\|+/g, (bars) => (bars.length > 2 ? '||' : bars))).toContain(shown);
    expect(page).toContain('an apostrophe stands before it');
  });
});

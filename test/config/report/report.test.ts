import { expect, test } from 'vitest';
import { z } from 'zod';
import { formatReport } from '../../../config/report/format.ts';
import { type Report, exitCodeOf } from '../../../config/report/report.ts';
import { sqlScript } from '../../../config/report/script.ts';
import { parseXml } from '../xml.ts';

const APP = 'projects.shop.systems.app';
const CRM = 'projects.shop.systems.crm';
const INDEX = 'CREATE INDEX CONCURRENTLY ON "app"."events" ("user_id");';
/** A name in the catalog can have characters that each format has to escape. */
const STRANGE = 'the table <a&b>"\u0001\n\u{1F600} has no index';

const report = (changes: Partial<Report> = {}): Report => ({
  file: 'conf/lethe.config.ts',
  projects: ['shop'],
  errors: [],
  systems: [
    {
      path: APP,
      isInspected: true,
      errors: [
        { path: `${APP}.kinds.user.tables.0.subject`, message: STRANGE, sql: INDEX },
        { path: `${APP}.kinds`, message: 'app.notes has the column user_id' },
      ],
    },
    { path: CRM, isInspected: false, errors: [{ path: `${CRM}.url`, message: 'nothing listens at 127.0.0.1:1' }] },
  ],
  ...changes,
});
const clean = report({ systems: [{ path: APP, isInspected: true, errors: [] }] });

test.each<[0 | 1 | 2, string, Report]>([
  [0, 'there is no error', clean],
  [1, 'a system has an error', report({ systems: report().systems.slice(0, 1) })],
  [1, 'the configuration has an error', report({ systems: [], errors: [{ path: 'projects', message: 'empty' }] })],
  [2, 'a system cannot be inspected, beside errors of another', report()],
])('exits with %s when %s', (code, _, made) => expect(exitCodeOf(made)).toBe(code));

test('prints one line per error and their number as text', () => {
  const lines = formatReport(report(), 'text').split('\n');
  expect(lines).toContain(`${APP}.kinds: app.notes has the column user_id`);
  expect(lines.slice(-2)).toEqual(['3 config errors', '']);
  expect(formatReport(clean, 'text')).toBe('no config errors in shop\n');
});

test('writes well-formed JUnit with a test case per error and one that passes for a system without errors', () => {
  const root = parseXml(formatReport(report({ systems: [...report().systems, ...clean.systems] }), 'junit'));
  expect(root).toMatchObject({ name: 'testsuites', attributes: { tests: '4', failures: '2', errors: '1' } });
  expect(root.children.map(({ name, attributes }) => [name, attributes['name'], attributes['tests']])).toEqual([
    ['testsuite', APP, '2'],
    ['testsuite', CRM, '1'],
    ['testsuite', APP, '1'],
  ]);
  const [app, crm, passing] = root.children.map(({ children }) => children);
  expect(app?.[0]).toMatchObject({ name: 'testcase', attributes: { name: `${APP}.kinds.user.tables.0.subject` } });
  expect(app?.[0]?.children[0]).toMatchObject({
    name: 'failure',
    attributes: { message: STRANGE.replace('\u0001', '\uFFFD') },
    text: INDEX,
  });
  expect(crm?.[0]?.children[0]).toMatchObject({
    name: 'error',
    attributes: { message: expect.stringMatching('nothing') },
  });
  expect(passing?.map(({ children }) => children)).toEqual([[]]);
});

/** The rules of the SARIF 2.1.0 schema for the parts that a report has. */
const text = z.strictObject({ text: z.string().min(1) });
const Sarif = z.strictObject({
  $schema: z.url(),
  version: z.literal('2.1.0'),
  runs: z
    .array(
      z.strictObject({
        tool: z.strictObject({
          driver: z.strictObject({
            name: z.string(),
            rules: z.array(z.strictObject({ id: z.string(), shortDescription: text })),
          }),
        }),
        invocations: z.array(
          z.strictObject({
            executionSuccessful: z.boolean(),
            toolExecutionNotifications: z.array(z.strictObject({ level: z.enum(['error']), message: text })),
          }),
        ),
        results: z.array(
          z.strictObject({
            ruleId: z.string(),
            ruleIndex: z.int().min(0),
            level: z.enum(['none', 'note', 'warning', 'error']),
            message: text,
            locations: z.array(
              z.strictObject({
                physicalLocation: z.strictObject({
                  artifactLocation: z.strictObject({ uri: z.string().regex(/^[\w%./:-]+$/) }),
                  region: z.strictObject({ startLine: z.int().min(1) }),
                }),
                logicalLocations: z.array(z.strictObject({ fullyQualifiedName: z.string() })),
              }),
            ),
            partialFingerprints: z.record(z.string(), z.string()),
            properties: z.record(z.string(), z.unknown()).optional(),
          }),
        ),
      }),
    )
    .length(1),
});

test('writes SARIF 2.1.0 with path and message of each error', () => {
  const [run] = Sarif.parse(JSON.parse(formatReport(report(), 'sarif'))).runs;
  expect(
    run?.results.map(({ locations, message }) => [locations[0]?.logicalLocations[0]?.fullyQualifiedName, message.text]),
  ).toEqual([
    [`${APP}.kinds.user.tables.0.subject`, `${APP}.kinds.user.tables.0.subject: ${STRANGE}`],
    [`${APP}.kinds`, `${APP}.kinds: app.notes has the column user_id`],
  ]);
  expect(run?.results[0]).toMatchObject({ properties: { sql: INDEX } });
  expect(run?.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe('conf/lethe.config.ts');
  expect(run?.invocations[0]).toMatchObject({
    executionSuccessful: false,
    toolExecutionNotifications: [{ level: 'error' }],
  });
  expect(new Set(run?.results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints))).size).toBe(2);
});

test.each(['junit', 'sarif'] as const)('reports an invalid configuration as %s', (format) => {
  const errors = [{ path: 'projects.shop.directory', message: 'must name a system' }];
  const printed = formatReport(report({ systems: [], errors }), format);
  expect(printed).toContain('projects.shop.directory');
  expect(printed).toContain('must name a system');
});

test('writes each statement once under its reasons, and other errors as comments that no line break ends', () => {
  const twice = report().systems.map((system) => ({ ...system, errors: [...system.errors, ...system.errors] }));
  const script = sqlScript(report({ systems: twice, errors: [{ path: 'projects', message: 'first\nDROP TABLE x' }] }));
  const statements = script.split('\n').filter((line) => line !== '' && !line.startsWith('--'));
  expect(statements).toEqual([INDEX]);
  expect(script).toContain(`-- ${APP}.kinds: app.notes has the column user_id`);
  expect(script).toContain(`-- ${CRM}.url: nothing listens`);
  expect(sqlScript(clean)).toBe('-- No config errors.\n');
});

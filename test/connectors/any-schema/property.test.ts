import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sized } from '../../support/size.ts';
import { type Mode, checkCase } from './check.ts';
import { type UserKey, buildRows, seedsOf } from './data.ts';
import { type Database, openDatabase } from './database.ts';
import { type Choices, choicesOf } from './map.ts';

/** The runs of each of the two variants. */
const RUNS = sized(8, 100);
const MAX_ROWS = sized(8, 14);
/** Rows per table of subjects that are too large for one statement. */
const MANY_ROWS = 24;

const DEFAULT: Omit<Choices, 'isComposite'> = {
  replies: 'delete',
  folders: 'delete',
  actions: 'detach',
  bookmarks: 'detach',
  subject: 'delete',
  order: 0,
  subjectsPerCommit: 100,
};

/** Tables of which one statement can delete two rows in time. */
const SLOW = ['votes', 'bookmarks', 'events', 'payments'];

const modeOf = fc.constantFrom<Mode[]>('whole', 'whole', 'killed', 'parts');

describe.each([
  ['a key of one column', false],
  ['a composite key', true],
])('a schema with %s', (_name, isComposite) => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase(isComposite, { ...DEFAULT, isComposite });
  });
  afterAll(() => database.close());

  test.each([
    ['deletes every row', DEFAULT],
    ['detaches and anonymises', { ...DEFAULT, replies: 'detach', folders: 'detach', subject: 'anonymise' }],
    ['acknowledges every action', { ...DEFAULT, folders: 'acknowledge', actions: 'acknowledge', bookmarks: 'share' }],
  ] as const)('accepts a map that %s', async (_map, choices) => {
    await database.fill(buildRows({}, isComposite));
    const errors = await database.connector({ ...choices, isComposite }).inspect();
    expect(errors.map(({ path, message }) => `${path}: ${message}`)).toEqual([]);
  });

  test('leaves the rows and reports the figures of a model for random rows, maps and subjects', async () => {
    const one = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom(1, 2, 3, 1, 2, 3, 4, 5, 0, 77));
    const subjectsOf = fc.uniqueArray(one, {
      minLength: 1,
      maxLength: 4,
      selector: ([tenant, id]) => (isComposite ? `${tenant} ${id}` : String(id)),
    });
    let cases = 0;
    await fc.assert(
      fc.asyncProperty(
        seedsOf(isComposite, { maxLength: MAX_ROWS }),
        choicesOf(isComposite),
        subjectsOf,
        modeOf,
        async (seeds, choices, picked, mode) => {
          const subjects = picked.map(([tenant, id]): UserKey => (isComposite ? [tenant, id] : [id]));
          await checkCase(database, { choices, before: buildRows(seeds, isComposite), subjects, mode });
          cases += 1;
        },
      ),
      // A failure names its seed. Without endOnFailure, fast-check searches for a smaller case, which takes minutes.
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(cases).toBe(RUNS);
  }, 600_000);

  test('deletes subjects that are too large for one statement in parts', async () => {
    const rows = { minLength: MANY_ROWS, maxLength: MANY_ROWS };
    const [seeds] = fc.sample(seedsOf(isComposite, rows), { seed: 1, numRuns: 1 });
    const before = buildRows(seeds ?? {}, isComposite);
    await database.sql.unsafe(`
      CREATE FUNCTION app.slow() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF (SELECT count(*) FROM deleted) > 2 THEN PERFORM pg_sleep(30); END IF; RETURN NULL; END $$`);
    for (const table of SLOW)
      await database.sql.unsafe(`CREATE TRIGGER slow AFTER DELETE ON app.${table} REFERENCING OLD TABLE AS deleted
        FOR EACH STATEMENT EXECUTE FUNCTION app.slow()`);
    const subjects: readonly UserKey[] = isComposite
      ? [
          [1, 1],
          [2, 1],
        ]
      : [[1], [2]];
    const choices: Choices = { ...DEFAULT, isComposite };
    const ranges = await checkCase(database, {
      choices: { ...choices, replies: 'detach', folders: 'acknowledge' },
      before,
      subjects,
      mode: 'killed',
      tuning: { rowsPerPart: 2, statementTimeoutMs: 500 },
    });
    expect(ranges.filter(({ part }) => part > 0).length).toBeGreaterThan(subjects.length);
    await database.sql.unsafe('DROP FUNCTION app.slow CASCADE');
  });
});

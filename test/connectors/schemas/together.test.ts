import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../connectors/postgres/index.ts';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { type AcceptedMaps, acceptMaps, prepareDatabase } from '../../support/schemas/accepted.ts';
import { type SchemaDatabase, schemaDatabase } from '../../support/schemas/database.ts';
import { type Figures, expectedFigures, knownDifference } from '../../support/schemas/expected.ts';
import type { Person, Schema } from '../../support/schemas/schema.ts';
import { SCHEMAS } from '../../support/schemas/schemas.ts';
import { type TableDifference, differenceOf, snapshotAfter, snapshotOf } from '../../support/snapshots.ts';
import { batchOf, deletion, testContext } from '../fixture.ts';

const MAX_EDITS = 5;

describe.each(SCHEMAS)('$name', (schema) => {
  let db: SchemaDatabase;
  let maps: AcceptedMaps;
  beforeAll(async () => {
    const database = await schemaDatabase(schema);
    maps = await acceptMaps(schema, database);
    await database.close();
  });
  afterEach(() => db.close());

  test('has maps without config errors after at most five edits of each proposal', async () => {
    db = await schemaDatabase(schema);
    await prepareDatabase(db, maps);
    for (const [system, settings] of Object.entries(maps.systems)) {
      const connector = db.connector(system, settings);
      expect(await connector.inspect({ thorough: true })).toEqual([]);
      await connector.close();
    }
    expect(Object.entries(maps.edits).filter(([, count]) => count > MAX_EDITS)).toEqual([]);
  });

  test('counts beforehand what the receipt of each person says', async () => {
    db = await schemaDatabase(schema);
    await prepareDatabase(db, maps);
    const before = await snapshotOf(db.sql);
    for (const person of schema.persons) {
      const difference = differenceOf(before, await snapshotAfter(db.sql, person.deletion));
      const figures = await expectedFigures(db.sql, person, difference);
      const connector = db.connector(person.system, mapOf(maps.systems, person.system));
      const { tables } = await connector.count(batchFor([person]), 'data', testContext());
      expect({ person: person.name, tables: filledTables(tables) }).toEqual({
        person: person.name,
        tables: filledTables(
          Object.fromEntries(Object.entries(figures).map(([table, each]) => [table, ownRows(each)])),
        ),
      });
      await connector.close();
    }
    expect(differenceOf(before, await snapshotOf(db.sql))).toEqual({});
  });

  test.each([
    [1, 1, true],
    [2, 100, true],
    [3, 2, false],
  ])(
    'leaves the rows that statements by hand leave with seed %i, %i subjects per commit and reversed entries (%s)',
    async (seed, subjectsPerCommit, isReversed) => {
      db = await schemaDatabase(schema, seed);
      const systems = Object.fromEntries(
        Object.entries(maps.systems).map(([name, settings]) => [
          name,
          { ...(isReversed ? reverseEntries(settings) : settings), pace: { share: 1, subjectsPerCommit } },
        ]),
      );
      await prepareDatabase(db, { ...maps, systems });
      const random = schema.persons.flatMap((person) => person.random ?? []);
      const before = await snapshotOf(db.sql);
      const byHand = await snapshotAfter(
        db.sql,
        schema.persons.flatMap((person) => person.deletion),
      );
      const removed = await deleteTogether(db, schema, systems);
      const difference = knownDifference(before, await snapshotOf(db.sql), random);
      expect(difference).toEqual(knownDifference(before, byHand, random));
      expect(removed).toEqual(removedRows(difference));
    },
  );
});

/** Deletes the persons of each system and kind in one batch. Returns the removed rows that the ranges report. */
async function deleteTogether(
  db: SchemaDatabase,
  { persons }: Schema,
  systems: Readonly<Record<string, PostgresSettings>>,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  for (const group of Map.groupBy(persons, ({ system, kind }) => `${system} ${kind}`).values()) {
    const { system = '' } = group[0] ?? {};
    const connector = db.connector(system, mapOf(systems, system));
    const batch = batchFor(group);
    const run = deletion();
    await connector.hardDelete(batch, run, testContext());
    expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
    await connector.close();
    for (const figures of run.ranges.flatMap(({ tables }) => tables))
      removed[figures.table] = (removed[figures.table] ?? 0) + (figures.removed ?? 0);
  }
  return filledTables(removed);
}

const batchFor = (persons: readonly Person[]) =>
  batchOf(
    persons.map(({ identity }) => [identity]),
    { kind: persons[0]?.kind ?? 'user' },
  );

/** The order of the entries has no meaning. */
function reverseEntries({ kinds, ...settings }: PostgresSettings): PostgresSettings {
  const reverse = (map: KindMap): KindMap => ({ ...map, tables: (map.tables ?? []).toReversed() });
  const { user, company } = kinds;
  return {
    ...settings,
    kinds: { ...(user && { user: reverse(user) }), ...(company && { company: reverse(company) }) },
  };
}

const ownRows = ({ removed = 0, retained = 0, anonymised = 0 }: Figures): number => removed + retained + anonymised;

const removedRows = (difference: Readonly<Record<string, TableDifference>>): Record<string, number> =>
  filledTables(Object.fromEntries(Object.entries(difference).map(([table, { removed }]) => [table, removed.length])));

const filledTables = (tables: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(tables).filter(([, rows]) => rows > 0));

function mapOf(systems: Readonly<Record<string, PostgresSettings>>, name: string): PostgresSettings {
  const map = systems[name];
  if (map === undefined) throw new Error(`no system ${name}`);
  return map;
}

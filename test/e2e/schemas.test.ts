import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../dev/embedded/ports.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { qualifiedSystemName } from '../../domain/ids.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { type AcceptedMaps, acceptMaps, prepareDatabase } from '../support/schemas/accepted.ts';
import { type SchemaDatabase, schemaDatabase } from '../support/schemas/database.ts';
import { allowedMarks, expectedFigures, expectedRows, knownDifference, marksIn } from '../support/schemas/expected.ts';
import { SCHEMAS } from '../support/schemas/schemas.ts';
import { differenceOf, snapshotAfter, snapshotOf } from '../support/snapshots.ts';
import { callerOf } from './support/schemas/project.ts';
import { addOwner, onCleanup, startService, temporaryFolder, waitUntilPolling } from './support/service.ts';

const CONFIG = join(import.meta.dirname, 'support/schemas/lethe.config.ts');
const databases = new Map<string, SchemaDatabase>();
const accepted = new Map<string, AcceptedMaps>();
const callers = new Map<string, ReturnType<typeof callerOf>>();

beforeAll(async () => {
  const temporal = await startTemporal({ port: await freePort() });
  onCleanup(() => temporal.stop());
  const [{ url: ledgerUrl }] = await Promise.all([
    ledgerDatabase(),
    ...SCHEMAS.map(async (schema) => {
      const database = await schemaDatabase(schema);
      onCleanup(() => database.close());
      const maps = await acceptMaps(schema, database);
      await prepareDatabase(database, maps);
      accepted.set(schema.name, maps);
      const systems = Object.entries(maps.systems);
      await database.grant(
        Object.fromEntries(systems.map(([system, map]) => [qualifiedSystemName(schema.name, system), map])),
      );
      databases.set(schema.name, database);
    }),
  ]);
  const projects = Object.fromEntries(
    SCHEMAS.map(({ name, directory }) => [name, { directory, systems: must(accepted.get(name)).systems }]),
  );
  const file = join(temporaryFolder(), 'projects.json');
  writeFileSync(file, JSON.stringify(projects));
  const urls = [...databases].map(([name, { url }]) => [`${name.toUpperCase()}_URL`, url]);
  const service = await startService({
    ledgerUrl,
    appUrl: '',
    temporalAddress: temporal.address,
    config: CONFIG,
    project: 'music',
    env: { SCHEMA_PROJECTS: file, ...Object.fromEntries(urls) },
  });
  await waitUntilPolling(await service.startWorker());
  for (const { name } of SCHEMAS) callers.set(name, callerOf(service, name, await addOwner(ledgerUrl, name)));
}, 180_000);

const MAX_EDITS = 5;

describe.concurrent.each(SCHEMAS)('$name', ({ name, systems, persons }) => {
  test('has maps that are proposed and accepted with at most five edits', () => {
    const edits = Object.entries(must(accepted.get(name)).edits);
    expect(edits.filter(([, count]) => count > MAX_EDITS)).toEqual([]);
  });

  test('exports and deletes three persons, and nothing of others', { timeout: 180_000 }, async () => {
    const caller = must(callers.get(name));
    const { sql } = must(databases.get(name));
    const present = await snapshotOf(sql);
    const archives = await Promise.all(persons.map((person) => caller.export(person)));
    expect(differenceOf(present, await snapshotOf(sql))).toEqual({});
    for (const [index, person] of persons.entries()) {
      const rows = await expectedRows(sql, person);
      expect({ person: person.name, rows: archives[index]?.rows }).toEqual({ person: person.name, rows });
      const marks = marksIn(archives[index]?.text ?? '');
      expect(marks).toEqual(expect.arrayContaining([...person.marks]));
      expect(marks.filter((mark) => !allowedMarks(person, rows).includes(mark))).toEqual([]);
    }
    for (const person of persons) {
      const before = await snapshotOf(sql);
      const expected = knownDifference(before, await snapshotAfter(sql, person.deletion), person.random);
      const figures = await expectedFigures(sql, person, expected);
      const receipt = await caller.delete(person);
      expect(knownDifference(before, await snapshotOf(sql), person.random)).toEqual(expected);
      const none = Object.fromEntries(Object.keys(systems).map((system) => [system, {}]));
      expect(receipt.figures).toEqual({ ...none, [person.system]: figures });
      expect(receipt).toMatchObject({ final: true, status: 'completed' });
      for (const { state, survivors } of receipt.ends)
        expect({ state, survivors }).toEqual({ state: 'verified', survivors: 0 });
      expect(marksIn(receipt.text)).toEqual([]);
    }
  });
});

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the project is not prepared');
  return value;
}

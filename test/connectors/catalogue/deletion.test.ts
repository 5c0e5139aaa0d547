import { afterEach, describe, expect, test } from 'vitest';
import { allText, exportAll } from '../calls.ts';
import {
  BATCH,
  BYSTANDERS,
  identitiesOf,
  idsOf,
  LONG_AFTER,
  NAMES,
  namesWhere,
  openSystem,
  type OpenSystem,
  PEOPLE,
  SYSTEMS,
} from './systems.ts';

let system: OpenSystem | undefined;
const open = async (name: (typeof NAMES)[number]): Promise<OpenSystem> => (system = await openSystem(name));
afterEach(() => system?.close());

const unknownIn = (name: (typeof NAMES)[number]) =>
  identitiesOf({ id: 'unknown', email: 'unknown@x.test' }, SYSTEMS[name].identity);

describe.each(NAMES)('%s', (name) => {
  const { lagMs } = SYSTEMS[name];

  test('is valid, and finds no config error in a system that answers', async () => {
    const { connector, definition, standIn } = await open(name);
    expect(definition.validate()).toEqual([]);
    expect(await connector.inspect()).toEqual([]);
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });

  test('deletes the people of the batch and no others, within the limits', async () => {
    const { connector, ledger, clock, standIn, subjects } = await open(name);
    const result = await ledger.delete(connector, ledger.batch(subjects));
    clock.advance(lagMs);
    expect(result).toMatchObject({ done: true });
    expect(result).not.toMatchObject({ blocked: [expect.anything()] });
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
    expect(ledger.ranges.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 2],
      [3, 3],
    ]);
    const asked = ledger.ranges.flatMap(({ tables }) => tables.map(({ removed, requested }) => removed ?? requested));
    expect(asked).toEqual([2, 1]);
    expect(standIn.calls.filter(({ status }) => status === 429)).toEqual([]);
  });

  test('changes nothing when the same deletion runs again', async () => {
    const { connector, ledger, clock, standIn, subjects } = await open(name);
    const batch = ledger.batch(subjects);
    await ledger.delete(connector, batch);
    clock.advance(lagMs + LONG_AFTER);
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
    expect(await ledger.delete(connector, batch, { pass: 2 })).toMatchObject({ done: true });
    clock.advance(lagMs + LONG_AFTER);
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
  });

  test('does not change anything when the person is unknown', async () => {
    const { connector, ledger, clock, standIn } = await open(name);
    const batch = ledger.batch([unknownIn(name)]);
    expect(await ledger.delete(connector, batch)).toMatchObject({ done: true });
    clock.advance(lagMs);
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });

  test('has exactly the verbs that its description names', async () => {
    const { connector, definition } = await open(name);
    const { actions, verification } = definition.describe();
    expect([verification === 'reads', actions.count, actions.export, actions.hide, actions.suppress]).toEqual(
      [connector.verify, connector.count, connector.export, connector.setVisibility, connector.setSuppression].map(
        (verb) => verb !== undefined,
      ),
    );
    expect(actions.restore).toBe(actions.hide);
    expect(actions.scopes).toEqual(['data']);
  });
});

describe.each(namesWhere(({ verification }) => verification === 'reads'))('%s', (name) => {
  const { lagMs } = SYSTEMS[name];

  test('reads back that the batch is deleted, and finds and deletes a person who comes back', async () => {
    const { connector, ledger, clock, standIn, subjects } = await open(name);
    const batch = ledger.batch(subjects);
    expect(await ledger.verify(connector, batch)).toMatchObject({ survivors: 3 });
    await ledger.delete(connector, batch);
    clock.advance(lagMs + LONG_AFTER);
    expect(await ledger.verify(connector, batch)).toMatchObject({ survivors: 0 });
    for (const person of BATCH.slice(0, 1)) standIn.add(person);
    expect(await ledger.verify(connector, batch)).toMatchObject({ survivors: 1 });
    await ledger.delete(connector, batch, { pass: 2 });
    clock.advance(lagMs);
    expect(await ledger.verify(connector, batch)).toMatchObject({ survivors: 0 });
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
  });

  test('finds nothing of an unknown person', async () => {
    const { connector, ledger } = await open(name);
    expect(await ledger.verify(connector, ledger.batch([unknownIn(name)]))).toMatchObject({ survivors: 0 });
  });
});

describe.each(namesWhere(({ actions }) => actions.count))('%s', (name) => {
  test('counts the people of the batch who are there, without changes', async () => {
    const { connector, ledger, standIn, subjects } = await open(name);
    const count = await connector.count?.(ledger.batch([...subjects, unknownIn(name)]), 'data', ledger.context());
    expect(count?.presentSeqs).toEqual([1, 2, 3]);
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });
});

describe.each(namesWhere(({ actions }) => actions.export))('%s', (name) => {
  test('exports the rows of the batch and of no others, without changes', async () => {
    const { connector, ledger, clock, standIn, subjects } = await open(name);
    const batch = ledger.batch(subjects);
    // A retrieval of Mixpanel needs an attempt for each of the two ranges.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await exportAll(connector, batch, {}, ledger.context()).catch(() => undefined);
      clock.advance(LONG_AFTER);
    }
    const text = allText(await exportAll(connector, batch, {}, ledger.context()));
    const key = SYSTEMS[name].identity === 'email' ? 'email' : 'id';
    for (const person of BATCH) expect(text).toContain(person[key]);
    for (const person of BYSTANDERS) expect(text).not.toContain(person[key]);
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  });
});

test.each(['activatepro', 'amplitude', 'mixpanel', 'segment', 'stripe'] as const)(
  'asks %s for a running job as often as the settings say',
  async (name) => {
    const settings = { askEvery: '20 seconds', batchSize: 100 } as const;
    system = await openSystem(name, { settings });
    const { connector, ledger, clock, standIn, subjects } = system;
    const batch = ledger.batch(subjects);
    for (let call = 1; call <= 2; call += 1) {
      const at = clock.now();
      const deletion = await connector.hardDelete(batch, ledger.deletion(1), ledger.context());
      const waitMs = 'continueAt' in deletion ? deletion.continueAt.getTime() - at : 0;
      // Not in milliseconds, because some of the time has passed since the call.
      expect([call, Math.round(waitMs / 10_000)]).toEqual([call, 2]);
      clock.advance(waitMs);
    }
    expect(standIn.present()).toEqual(idsOf(PEOPLE));
  },
);

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ledger, ledger } from '../../support/ledger.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { sized, withThousandSpaces } from '../../support/size.ts';
import {
  type Act,
  runBlocked,
  runCancellations,
  runConfirmations,
  runDeletion,
  runSuppressions,
  runUnknown,
} from './acts.ts';
import { givenLargeRequest, LARGE, setStatistics, type Statistics } from './large-request.ts';
import { explaining } from './visited-rows.ts';

const SIZES = sized([1, 300], [1, 10, 300, 999, 1_000, 1_001, 10_000]);
/** Every node of a plan counts its rows, so a row that one statement needs counts a few times. */
const VISITS_PER_SUBJECT = 50;
/** The number of subjects up to which the fixed costs count. */
const FIXED = 20;

let base: Ledger;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  base = await ledger();
  await givenLargeRequest(base);
  await base.closeLedger();
}, 200_000);
afterAll(async () => void (await Promise.all(closing.map((close) => close()))));

describe.each<Statistics>(['of the large request', 'never collected'])('with statistics %s', (statistics) => {
  let world: Ledger;
  let visitsOf: ReturnType<typeof explaining>['visitsOf'];
  beforeAll(async () => {
    const { url } = await createDatabase(new URL(base.url).pathname.slice(1));
    const explained = explaining(url);
    ({ visitsOf } = explained);
    const { database } = explained;
    world = { ...base, url, database, sql: database.$client, reading: database };
    closing.push(() => database.$client.end());
    await setStatistics(world, statistics);
  });

  test.each(SIZES.map((size) => [withThousandSpaces(size), size] as const))(
    `visits rows in proportion to the subjects of the request when it has %s beside one of ${withThousandSpaces(LARGE)}`,
    async (_title, size) => {
      const excess: string[] = [];
      const act: Act = async (name, work) => {
        let result: Awaited<ReturnType<typeof work>> | undefined;
        const visits = await visitsOf(async () => void (result = await work()));
        for (const { rows, most, statement } of visits)
          if (rows > VISITS_PER_SUBJECT * (size + FIXED) && !statement.includes('pg_catalog'))
            excess.push(`${name}: ${rows} rows (${most}) in ${statement.slice(0, 200)}`);
        return result as Awaited<ReturnType<typeof work>>;
      };
      const scene = { world, act, name: `of ${size}`, size };
      for (const run of [runDeletion, runCancellations, runConfirmations, runUnknown, runBlocked, runSuppressions])
        await run(scene);
      expect(excess).toEqual([]);
    },
    sized(60_000, 900_000),
  );
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { descriptionOf, localDefinition, NAMES, SYSTEMS } from './systems.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/catalogue.md'), 'utf8');

interface Row {
  readonly does: string;
  readonly proof: string;
  readonly limits: string;
  readonly secrets: readonly string[];
}

/** The rows of the table of systems, by name. */
const rows: ReadonlyMap<string, Row> = new Map(
  [...page.matchAll(/^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \| [^|]* \| ([^|]*) \|$/gm)].map(
    ([, name = '', does = '', proof = '', limits = '', secrets = '']) => [
      name,
      { does, proof, limits, secrets: [...secrets.matchAll(/`([\w.]+)`/g)].map(([, secret = '']) => secret) },
    ],
  ),
);

/** The variable that the tests use for a secret: `readBack.secret` of `mixpanel` is MIXPANEL_READ_BACK_SECRET. */
const variableOf = (system: string, secret: string): string =>
  `${system}.${secret}`.replaceAll('.', '_').replaceAll(/[A-Z]/g, '_$&').toUpperCase();

test('lists exactly the systems of the catalogue', () => {
  expect([...rows.keys()]).toEqual(NAMES);
  const secrets = page.slice(page.indexOf('## Secrets'), page.indexOf('## Exports'));
  expect([...secrets.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)).toEqual(NAMES);
});

test.each(NAMES)('says for %s what its description says', async (name) => {
  const row = rows.get(name);
  const full = descriptionOf(name);
  const bareSystem = SYSTEMS[name].defineBare ?? SYSTEMS[name].define;
  const bare = bareSystem({ at: 'https://system.test', allowPrivate: [] }).describe();
  const words = (['suppress', 'count', 'export'] as const).filter((action) => full.actions[action]);
  expect(row?.does.replaceAll(/ with `\w+`/g, '')).toBe(words.join(', ') || '–');
  for (const action of words) expect(row?.does.includes(`${action} with`)).toBe(!bare.actions[action]);
  expect([full.actions.hide, full.actions.resolve, full.actions.scopes]).toEqual([false, false, ['data']]);
  expect(row?.proof.split('; ').map((proof) => proof.split(' ')[0])).toEqual([
    ...new Set([bare.verification, full.verification]),
  ]);
  const isOneByOne = row?.limits.startsWith('1 person a call');
  expect(row?.limits).toMatch(
    new RegExp(`^${isOneByOne ? 1 : bare.limits.batchSize.toLocaleString('en-US')} (?:person|people) a (?:call|job)`),
  );
  const read = new Set<string>();
  const connector = localDefinition(name, 'https://system.test').open({
    system: 'demo/x',
    secret: ({ env }) => {
      read.add(env);
      return 'secret';
    },
  });
  expect([...read].toSorted()).toEqual(row?.secrets.map((secret) => variableOf(name, secret)).toSorted());
  await connector.close();
});

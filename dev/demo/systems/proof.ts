import { z } from 'zod';
import type { Figures } from '../figures.ts';
import { Receipt } from '../client.ts';
import { compare } from '../compare.ts';
import { OTHER_SYSTEMS, type OtherSystem } from './stand-ins.ts';

const System = z.object({
  system: z.string(),
  survivors: z.number().nullable(),
  proof: z
    .object({
      level: z.enum(['read', 'attested', 'person', 'none']),
      read: z.array(z.string()),
      attested: z.array(z.string()),
      saidAt: z.string().nullable(),
    })
    .nullable(),
  tables: z.array(z.object({ removed: z.number().nullable(), requested: z.number().nullable() })),
});
const Proofs = z.object({ status: z.string(), outcomes: z.record(z.string(), z.number()), systems: z.array(System) });
/** The whole receipt, of which the database's part is compared row by row. */
export const SystemsReceipt = z.unknown().transform((receipt) => ({
  ...Proofs.parse(receipt),
  database: Receipt.parse(onlyDatabase(receipt)),
}));
export type SystemsReceipt = z.output<typeof SystemsReceipt>;

const Systems = z.looseObject({ systems: z.array(z.looseObject({ system: z.string() })) });
function onlyDatabase(receipt: unknown): unknown {
  const { systems, ...rest } = Systems.parse(receipt);
  return { ...rest, systems: systems.filter(({ system }) => system === 'app') };
}

type Present = Readonly<Record<OtherSystem, ReadonlySet<string>>>;

/** What the systems hold, without Lethe's code. */
export interface Truth {
  /** The people of the request. */
  readonly userIds: readonly string[];
  readonly seeded: Figures;
  readonly remaining: Figures;
  readonly before: Present;
  readonly after: Present;
  /** The viewer answered the task, so that only the viewer knows what the partner holds. */
  readonly isPartnerUnknown: boolean;
}

/** Compares the receipt with what each system holds. */
export function compareSystems(
  receipt: SystemsReceipt,
  truth: Truth,
): { readonly lines: readonly string[]; readonly equal: boolean } {
  const database = compare(receipt.database, truth.seeded);
  const names = ['app', ...OTHER_SYSTEMS];
  const rows = receipt.systems
    .toSorted((a, b) => names.indexOf(a.system) - names.indexOf(b.system))
    .map((system) => {
      const found = findings(system.system, truth);
      return { ...figuresOf(system, truth), found: found.text, isRight: found.isRight };
    });
  const missing = names.filter((name) => !rows.some(({ system }) => system === name));
  const wrong = rows.filter(({ isRight }) => !isRight).map(({ system }) => system);
  const unequal = [
    ...missing.map((name) => `${name} is not in the receipt`),
    ...wrong.map((name) => `${name} holds something else`),
    ...(database.equal ? [] : ['the figures of app']),
  ];
  return {
    equal: unequal.length === 0,
    lines: [
      line('system', 'asked', 'removed', 'left', 'proof', 'what the system holds'),
      ...rows.map(({ system, asked, removed, left, proof, found }) => line(system, asked, removed, left, proof, found)),
      ...(database.equal ? [] : ['', ...database.lines]),
      ...(unequal.length === 0 ? [] : ['', `  differs: ${unequal.join(', ')}`]),
    ],
  };
}

function figuresOf({ system, survivors, proof, tables }: SystemsReceipt['systems'][number], { userIds }: Truth) {
  const requested = tables.reduce((sum, table) => sum + (table.requested ?? 0), 0);
  const isCounted = tables.every(({ removed }) => removed !== null);
  const removed = tables.reduce((sum, table) => sum + (table.removed ?? 0), 0);
  return {
    system,
    asked: String(system === 'app' ? userIds.length : requested),
    removed: isCounted ? String(removed) : 'unknown',
    left: survivors === null ? 'not read' : String(survivors),
    proof: proof === null ? 'not done' : proofText(system, proof.level),
  };
}

type Level = NonNullable<SystemsReceipt['systems'][number]['proof']>['level'];
const proofText = (system: string, level: Level): string =>
  ({ read: 'read by Lethe', attested: `attested by ${system}`, person: 'attested by a person', none: 'none' })[level];

function findings(name: string, truth: Truth): { readonly text: string; readonly isRight: boolean } {
  if (name === 'app') {
    const left = Object.values(truth.remaining).reduce((sum, rows) => sum + rows, 0);
    return { text: `${left} of their rows`, isRight: left === 0 };
  }
  const system = OTHER_SYSTEMS.find((each) => each === name);
  if (system === undefined) return { text: 'unknown to the demo', isRight: false };
  if (system === 'partner' && truth.isPartnerUnknown) return { text: 'you have answered the task', isRight: true };
  const [before, after] = [truth.before[system], truth.after[system]];
  const wanted = new Set(truth.userIds);
  const left = truth.userIds.filter((id) => after.has(id)).length;
  const others = [...before].filter((id) => !wanted.has(id));
  const lost = others.filter((id) => !after.has(id)).length;
  const rest = lost === 0 ? `all ${others.length.toLocaleString('en-US')} others` : `${lost} others are gone`;
  return { text: `${left} of them, ${rest}`, isRight: left === 0 && lost === 0 };
}

const line = (system: string, asked: string, removed: string, left: string, proof: string, found: string): string =>
  `  ${system.padEnd(10)}${asked.padStart(6)}${removed.padStart(9)}${left.padStart(10)}  ${proof.padEnd(22)}${found}`;

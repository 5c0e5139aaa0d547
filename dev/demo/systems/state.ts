import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { z } from 'zod';
import type { DemoData } from '../data/generate.ts';

/** A user of the application, with the ids by which the other systems know the user. */
export const Person = z.object({
  userId: z.string(),
  xngId: z.string(),
  email: z.string(),
  businessUnit: z.string(),
});
export type Person = z.output<typeof Person>;

/** What the systems beside the database have to remember when the demo is killed. */
const State = z.object({
  data: z.object({ scale: z.number(), seed: z.number() }),
  /** Userpilot's clock runs from this time on. */
  since: z.number(),
  ports: z.object({ mixpanel: z.number(), userpilot: z.number() }),
  tasks: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['deletion', 'retrieval']),
      ids: z.array(z.string()),
      compliance: z.enum(['GDPR', 'CCPA']),
      createdAt: z.number(),
      ended: z.enum(['SUCCESS', 'FAILURE', 'REVOKED']).nullable(),
    }),
  ),
  scheduled: z.array(
    z.object({ at: z.number(), kind: z.enum(['users', 'companies']), ids: z.array(z.string()), isDone: z.boolean() }),
  ),
  /** User ids that the partner has deleted. */
  deletedByPartner: z.array(z.string()),
});
export type State = z.output<typeof State>;

export interface Store {
  readonly people: readonly Person[];
  readonly state: State;
  change(change: Partial<State>): void;
}

/** Opens the state in the folder. Other data than before start a new one, of which `create` decides the rest. */
export async function openStore(
  folder: string,
  { scale, seed }: DemoData,
  create: () => Promise<Pick<State, 'since' | 'ports'> & { readonly people: readonly Person[] }>,
): Promise<Store> {
  mkdirSync(folder, { recursive: true });
  const files = { people: join(folder, 'people.json'), state: join(folder, 'stand-ins.json') };
  let state = existsSync(files.state) ? State.parse(read(files.state)) : null;
  if (state === null || state.data.scale !== scale || state.data.seed !== seed) {
    const { people, since, ports } = await create();
    state = { data: { scale, seed }, since, ports, tasks: [], scheduled: [], deletedByPartner: [] };
    // The people first: without a state, they are written again.
    rmSync(files.state, { force: true });
    write(files.people, people);
    write(files.state, state);
  }
  const current = state;
  return {
    people: z.array(Person).parse(read(files.people)),
    state: current,
    change: (change) => write(files.state, Object.assign(current, change)),
  };
}

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/** A process that is killed leaves the old file or the new one. */
function write(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export async function readPeople(url: string): Promise<readonly Person[]> {
  const sql = postgres(url, { max: 1 });
  try {
    return await sql<Person[]>`
      SELECT user_id AS "userId", xng_id AS "xngId", email, business_unit AS "businessUnit" FROM app.users ORDER BY 1`;
  } finally {
    await sql.end();
  }
}

import { mergeProposal } from '../../../config/init/merge.ts';
import { type PostgresSettings, type Proposal, proposeDataMap } from '../../../connectors/postgres/index.ts';
import type { SchemaDatabase } from './database.ts';
import { edit } from './edits.ts';
import type { Decisions, Schema } from './schema.ts';

/** The data maps that `init` proposes and a person accepts, with the number of edits per table of subjects. */
export interface AcceptedMaps {
  readonly systems: Readonly<Record<string, PostgresSettings>>;
  readonly edits: Readonly<Record<string, number>>;
  /** What `init` prints for the database: each statement settles an error of `check`. */
  readonly statements: readonly Proposal['statements'][number][];
}

/** Proposes a map for each system of a schema, and edits it as its person decides. */
export async function acceptMaps(schema: Schema, database: SchemaDatabase): Promise<AcceptedMaps> {
  const systems: Record<string, PostgresSettings> = {};
  const edits: Record<string, number> = {};
  const statements: Proposal['statements'][number][] = [];
  for (const [system, decisions] of Object.entries(schema.systems)) {
    let present: PostgresSettings | null = null;
    for (const decision of decisions) {
      const { proposal, proposed } = await proposeNext(present, decision, schema, database);
      const { map, count } = edit(proposed, decision.edits);
      statements.push(...proposal.statements);
      edits[decision.table] = count;
      present = map;
    }
    if (present !== null) systems[system] = { ...present, pace: { share: 1 } };
  }
  return { systems, edits, statements };
}

/** The second run of `init` keeps what a person has decided, and adds its kind. */
async function proposeNext(
  present: PostgresSettings | null,
  { table, kind }: Decisions,
  { name }: Schema,
  { adminUrl }: SchemaDatabase,
): Promise<{ proposal: Proposal; proposed: PostgresSettings }> {
  const variable = { env: `${name.toUpperCase()}_URL` };
  const proposal = await proposeDataMap({ url: adminUrl, variable, table, kind });
  return {
    proposal,
    proposed: present === null ? proposal.settings : mergeProposal(present, proposal, kind).settings,
  };
}

/** Does what an operator does before the first request: grants rights, and runs each statement that `check` still needs. */
export async function prepareDatabase(database: SchemaDatabase, { systems, statements }: AcceptedMaps): Promise<void> {
  await database.grant(systems);
  for (const [system, settings] of Object.entries(systems)) {
    const connector = database.connector(system, settings);
    const errors = await connector.inspect();
    await connector.close();
    for (const { sql, settles } of statements)
      if (errors.some(({ path, message }) => path === settles.path && message.includes(settles.message)))
        await database.sql.unsafe(sql);
  }
}

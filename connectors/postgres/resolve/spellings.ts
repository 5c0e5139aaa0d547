import type { Identity, SubjectIdentity } from '../../../domain/identity.ts';
import { otherForms } from '../../../domain/identity-forms.ts';
import type { Resolved } from '../../connector.ts';
import { type Members, copyIdentities, unloadBatch } from '../visibility/batch-table.ts';
import { keyIdentity } from '../../data-map/model.ts';
import { matchStatements } from './matches.ts';
import type { Resolution } from './resolution.ts';
import { MEMBERS } from '../rows/where.ts';

/** An identity of the subject `key`, spelled otherwise than its lower case or in another Unicode form. */
export interface Spelling {
  readonly key: readonly string[];
  readonly identity: Identity;
  readonly origin: 'identity' | 'alias';
}

/**
 * Matches the submitted identities without a match in their other Unicode forms. An identity whose own form matches
 * never reaches a subject that has only another form.
 */
export async function matchOtherForms(resolution: Resolution, forms: readonly SubjectIdentity[]): Promise<void> {
  const { session, spelled, matches } = resolution;
  if (forms.length === 0) return;
  await load(resolution, forms);
  await session.run(
    `DELETE FROM lethe_system.batch WHERE ${MEMBERS} AND seq IN (
       SELECT seq FROM lethe_system.batch WHERE system = $1 AND request_id = $2 AND batch = $6)`,
    [...spelled, matches[2]],
  );
  await match(resolution, spelled, matches);
  await unloadBatch(session, spelled);
}

/** The keys of a page's subjects in their other Unicode forms. */
export async function keySpellings({ session, model }: Resolution, members: Members): Promise<Spelling[]> {
  const rows = await session.rows<{ value: string[] }>(
    `SELECT value FROM lethe_system.batch WHERE ${MEMBERS} AND value::text ~ '[^\\x01-\\x7f]'`,
    members,
  );
  return rows.flatMap(({ value }) =>
    otherForms(value).map((form) => ({
      key: value,
      identity: { type: model.keyType, value: form },
      origin: 'identity' as const,
    })),
  );
}

/**
 * Other spellings are identities of their subject, so that systems find rows that are written otherwise. One that finds
 * another subject in the directory is shared with it, and its rows stay.
 */
export async function factsOfSpellings(
  resolution: Resolution,
  spellings: readonly Spelling[],
): Promise<readonly Resolved[]> {
  if (spellings.length === 0) return [];
  const { session, model, spelled, sharing } = resolution;
  await load(
    resolution,
    spellings.map(({ identity }, index) => ({ seq: index + 1, identity })),
  );
  await match(resolution, spelled, sharing);
  const rows = await session.rows<{ seq: number; value: string[] }>(
    `SELECT DISTINCT seq, value FROM lethe_system.batch WHERE ${MEMBERS}`,
    sharing,
  );
  for (const members of [spelled, sharing]) await unloadBatch(session, members);
  const owners = Map.groupBy(rows, ({ seq }) => seq);
  return spellings.map(({ key, identity, origin }, index) => ({
    fact: 'identity',
    key: keyIdentity(model, key),
    identity,
    origin,
    sharers: (owners.get(index + 1) ?? []).filter(({ value }) => !isSame(value, key)).length,
  }));
}

const isSame = (a: readonly string[], b: readonly string[]): boolean => a.every((part, index) => part === b[index]);

const load = ({ session, spelled }: Resolution, identities: readonly SubjectIdentity[]): Promise<void> =>
  session.transaction(() =>
    copyIdentities(
      session,
      spelled,
      (async function* () {
        yield identities;
      })(),
    ),
  );

async function match(resolution: Resolution, from: Members, to: Members): Promise<void> {
  for (const sql of matchStatements(resolution)) await resolution.session.run(sql, [...from, to[2]]);
}

import type { EnvName } from '../../connector.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { PostgresSettings } from '../settings.ts';
import type { Snapshot } from './catalog/snapshot.ts';
import { addressDrafts } from './entries/by-address.ts';
import { collectDrafts } from './entries/collect.ts';
import type { Draft, Survey } from './entries/draft.ts';
import { pointedDrafts } from './entries/pointed.ts';
import type { Build, Statement } from './settings/entry.ts';
import { findGhost, ghostStatements } from './settings/ghost.ts';
import type { ProposedIdentity } from './settings/identities.ts';
import { buildKind, findAliases } from './settings/kind.ts';
import { Notes } from './settings/notes.ts';

/** A proposed data map, the comments of its keys, and the statements without which `check` would report errors. */
export interface Proposal {
  readonly settings: PostgresSettings;
  readonly notes: Notes;
  readonly statements: readonly Statement[];
  /** Every table of the database, to compare a present data map with. */
  readonly tables: Snapshot['tables'];
}

export interface ProposalOptions {
  readonly kind: SubjectKind;
  readonly url: EnvName;
}

/** Proposes a data map from what is known about the database. Pure. */
export function buildProposal(
  survey: Survey,
  identities: readonly ProposedIdentity[],
  { kind, url }: ProposalOptions,
): Proposal {
  const aliases = findAliases(survey);
  const drafts = draftsOf(survey, aliases?.table ?? null);
  const ghost = findGhost(survey.subject, survey.samples);
  const details = new Set(drafts.filter(({ link }) => link.by === 'pointed').map(({ table }) => table));
  const build: Build = {
    survey,
    pointedTo: details,
    notes: new Notes(),
    hasAliases: aliases !== null,
    retained: new Set(drafts.filter(({ effect }) => effect === 'retain').map(({ table }) => table)),
    ghost: ghost.key,
    ghostUses: [],
    statements: [],
  };
  const map = buildKind(kind, drafts, identities, aliases, build);
  if (build.ghostUses.length > 0 && !ghost.exists) {
    const settles = { path: `kinds.${kind}`, message: 'ghost row' };
    const reason = `a ghost row takes over references of deleted subjects: ${build.ghostUses.join(', ')}`;
    for (const sql of ghostStatements(survey.snapshot, survey.subject, ghost, details))
      build.statements.push({ reason, sql, settles });
  }
  return {
    settings: { url, kinds: { [kind]: map }, ...materializedViews(survey, drafts, build.notes) },
    notes: build.notes,
    statements: build.statements,
    tables: survey.snapshot.tables,
  };
}

/** Parents come before rows that are found through them, so that the file reads from the subject outward. */
function draftsOf(survey: Survey, aliases: string | null): readonly Draft[] {
  const collected = collectDrafts(survey).filter(({ table }) => table !== aliases);
  const pointed = pointedDrafts(survey, collected);
  const known = [...collected, ...pointed];
  return [...known, ...addressDrafts(survey, known).filter(({ table }) => table !== aliases)];
}

function materializedViews(
  { snapshot, subject }: Survey,
  drafts: readonly Draft[],
  notes: Notes,
): Pick<PostgresSettings, 'materializedViews'> {
  const mapped = new Set([subject.table.name, ...drafts.map(({ table }) => table)]);
  const views = snapshot.materializedViews.filter(({ sources }) => sources.some((source) => mapped.has(source)));
  if (views.length === 0) return {};
  notes.ask(
    'materializedViews',
    'these views keep copies of deleted rows until your application refreshes them; with refresh, Lethe does it',
  );
  return { materializedViews: { report: views.map(({ view }) => view) } };
}

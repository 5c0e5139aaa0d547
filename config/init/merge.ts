import type { KindMap, TableMap } from '../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../connectors/postgres/settings.ts';
import type { Proposal } from '../../connectors/postgres/index.ts';
import { qualifiedName } from '../../connectors/data-map/names.ts';
import { SUBJECT_KINDS, type SubjectKind } from '../../domain/vocabulary.ts';
import { keepExisting, linkColumnsOf } from './keep-existing.ts';

/** A data map with the comments of what a proposal adds to it. */
export interface Merged {
  readonly settings: PostgresSettings;
  readonly comments: ReadonlyMap<string, readonly string[]>;
}

/**
 * The present data map without tables and columns that no longer exist, and with the entries of a proposal that it lacks.
 * Everything else stays as a person has decided. An ignored table is a decision, too.
 */
export function mergeProposal(present: PostgresSettings, proposal: Proposal, kind: SubjectKind): Merged {
  const comments = new Map<string, readonly string[]>();
  const kept = keepExisting(present, proposal.tables);
  const own = kept.kinds[kind];
  const proposed = proposal.settings.kinds[kind];
  const ignored = new Set((kept.ignore ?? []).map(({ table }) => qualifiedName(table)));
  if (own === undefined || proposed === undefined) {
    copyComments(proposal, `kinds.${kind}`, `kinds.${kind}`, comments);
    return { settings: { ...kept, kinds: { ...kept.kinds, ...proposal.settings.kinds } }, comments };
  }
  const { map, added } = mergeKind(own, proposed, ignored);
  for (const { from, to } of added)
    copyComments(proposal, `kinds.${kind}.tables.${from}`, `kinds.${kind}.tables.${to}`, comments);
  const settings = { ...kept, kinds: { ...kept.kinds, [kind]: acknowledge(map, proposal) } };
  return { settings: addLists(settings, proposal, ignored, comments), comments };
}

interface MergedKind {
  readonly map: KindMap;
  /** The indexes of added entries in the proposal and in the result. */
  readonly added: readonly { readonly from: number; readonly to: number }[];
}

function mergeKind(own: KindMap, proposed: KindMap, ignored: ReadonlySet<string>): MergedKind {
  const known = new Set((own.tables ?? []).map(identityOf));
  const aliases = [own, proposed].flatMap((map) =>
    map.aliases === undefined ? [] : [qualifiedName(map.aliases.table)],
  );
  const tables = (own.tables ?? []).map((entry) => addOmitted(entry, proposed));
  const added: { from: number; to: number }[] = [];
  for (const [from, entry] of (proposed.tables ?? []).entries()) {
    const name = qualifiedName(entry.table);
    if (known.has(identityOf(entry)) || ignored.has(name) || aliases.includes(name)) continue;
    added.push({ from, to: tables.length });
    tables.push(entry);
  }
  const omit = missingFrom(proposed.omit, [...(own.omit ?? []), ...(own.approve ?? [])]);
  return {
    map: {
      ...own,
      ...(omit.length === 0 ? {} : { omit: [...(own.omit ?? []), ...omit] }),
      ...(tables.length === 0 ? {} : { tables }),
    },
    added,
  };
}

/** Entries that find rows of a table by the same columns are the same entry, with different decisions. */
function identityOf(entry: TableMap): string {
  const columns = linkColumnsOf(entry).toSorted();
  return JSON.stringify([qualifiedName(entry.table), columns, entry.referencedBy?.table ?? '', entry.where ?? {}]);
}

const missingFrom = (names: readonly string[] | undefined, known: readonly string[]): readonly string[] =>
  (names ?? []).filter((name) => !known.includes(name));

/** Adds columns that look like credentials that are neither omitted nor approved. */
function addOmitted(entry: TableMap, proposed: KindMap): TableMap {
  const same = proposed.tables?.find((other) => identityOf(other) === identityOf(entry));
  const added = missingFrom(same?.omit, [...(entry.omit ?? []), ...(entry.approve ?? [])]);
  return added.length === 0 || entry.export === false ? entry : { ...entry, omit: [...(entry.omit ?? []), ...added] };
}

type Acknowledged = 'triggers' | 'rules' | 'inheritors';

/** Adds triggers, rules and inheritors that no entry of their table names to the first entry. */
function acknowledge(map: KindMap, { tables }: Proposal): KindMap {
  const entries: readonly (KindMap | TableMap)[] = [map, ...(map.tables ?? [])];
  const missing = (table: string, key: Acknowledged): readonly string[] => {
    const named = entries.filter((entry) => qualifiedName(entry.table) === qualifiedName(table));
    return missingFrom(
      tables.get(qualifiedName(table))?.[key],
      named.flatMap((entry) => entry[key] ?? []),
    );
  };
  const first = new Map(entries.toReversed().map((entry) => [qualifiedName(entry.table), entry]));
  const complete = <Entry extends KindMap | TableMap>(entry: Entry): Entry => {
    if (first.get(qualifiedName(entry.table)) !== entry) return entry;
    return (['triggers', 'rules', 'inheritors'] as const).reduce((result, key) => {
      const added = missing(entry.table, key);
      return added.length === 0 ? result : { ...result, [key]: [...(entry[key] ?? []), ...added] };
    }, entry);
  };
  const own = complete(map);
  return map.tables === undefined ? own : { ...own, tables: map.tables.map(complete) };
}

/** Adds ignored tables and materialized views of the proposal that the data map does not mention. */
function addLists(
  settings: PostgresSettings,
  proposal: Proposal,
  ignored: ReadonlySet<string>,
  comments: Map<string, readonly string[]>,
): PostgresSettings {
  const mapped = new Set(
    SUBJECT_KINDS.flatMap((kind) => {
      const map = settings.kinds[kind];
      return map === undefined ? [] : [map, ...(map.tables ?? []), ...(map.aliases === undefined ? [] : [map.aliases])];
    }).map(({ table }) => qualifiedName(table)),
  );
  const ignore = [...(settings.ignore ?? [])];
  for (const [index, entry] of (proposal.settings.ignore ?? []).entries()) {
    if (ignored.has(qualifiedName(entry.table)) || mapped.has(qualifiedName(entry.table))) continue;
    copyComments(proposal, `ignore.${index}`, `ignore.${ignore.length}`, comments);
    ignore.push(entry);
  }
  const { refresh = [], report = [] } = settings.materializedViews ?? {};
  const views = missingFrom(
    proposal.settings.materializedViews?.report,
    [...refresh, ...report].map(qualifiedName),
  ).filter((view) => !ignored.has(view));
  return {
    ...settings,
    ...(ignore.length === 0 ? {} : { ignore }),
    ...(views.length === 0
      ? {}
      : { materializedViews: { ...settings.materializedViews, report: [...report, ...views] } }),
  };
}

function copyComments({ notes }: Proposal, from: string, to: string, comments: Map<string, readonly string[]>): void {
  for (const [path, lines] of notes.lines)
    if (path === from || path.startsWith(`${from}.`)) comments.set(`${to}${path.slice(from.length)}`, lines);
}

import { ConnectorError, type EnvName } from '../../connector.ts';
import { CallbackError } from '../../callbacks.ts';
import { codeOf } from '../failure.ts';
import { explainFailure } from '../inspect/failed-inspection.ts';
import { closest, suggestion } from '../../similar-names.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';
import { buildModels } from '../../data-map/build-models.ts';
import { mappedTables } from '../../data-map/catalog.ts';
import { readCatalog } from '../data-map/catalog.ts';
import { coverageReasons } from '../inspect/coverage/coverage.ts';
import type { Reason } from '../../data-map/coverage/coverage-reason.ts';
import { readTables } from '../inspect/coverage/tables.ts';
import { readRelations } from '../inspect/inspection.ts';
import { type Session, withSession } from '../session.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { TUNING } from '../tuning.ts';
import { askAboutReferences, askAboutRows } from './ask.ts';
import { type Proposal, buildProposal } from './build-proposal.ts';
import { readSnapshot } from './catalog/read-snapshot.ts';
import { type Snapshot, isMappable } from './catalog/snapshot.ts';
import type { Survey } from './entries/draft.ts';
import { ignoredTable } from './entries/ignored.ts';
import { isUsersName } from './names/table-kinds.ts';
import { emailIdentityOf, proposeIdentities } from './settings/identities.ts';
import { findSubject } from './settings/subject.ts';

export type { Proposal } from './build-proposal.ts';

export interface ProposeOptions {
  /** The connection URL. It becomes no part of the proposal. */
  readonly url: string;
  /** What the proposal says instead. */
  readonly variable: EnvName;
  readonly table: string;
  readonly kind: SubjectKind;
  /** Receives every statement. */
  readonly observe?: (sql: string) => void;
}

/** Proposes a data map for a database from its catalog and bounded samples. Changes nothing and returns no value of a row. */
export async function proposeDataMap(options: ProposeOptions): Promise<Proposal> {
  const { url, variable, observe = () => {} } = options;
  const noActivity = { signal: new AbortController().signal, heartbeat: () => {} };
  const server = { url, tuning: { ...TUNING, observe } };
  try {
    return await withSession(server, noActivity, (session) => propose(session, options));
  } catch (error) {
    throw explainFailure(error, { system: '', settings: { url: variable, kinds: {} }, models: [], server });
  }
}

async function propose(session: Session, options: ProposeOptions): Promise<Proposal> {
  const { kind, variable } = options;
  try {
    const snapshot = await readSnapshot(session);
    const table = qualifiedName(options.table);
    requireTable(snapshot, table);
    const subject = findSubject(snapshot, table);
    const answers = await askAboutReferences(session, snapshot, subject);
    const identities = proposeIdentities(snapshot, subject, answers.samples);
    const email = emailIdentityOf(identities);
    const samples = await askAboutRows(session, snapshot, subject, answers, email);
    const survey: Survey = { ...answers, snapshot, subject, samples, email };
    return await addIgnored(session, survey, buildProposal(survey, identities, { kind, url: variable }));
  } catch (error) {
    // An error of the driver is redacted. Every other error is one of this process.
    throw codeOf(error) === '' || error instanceof ConnectorError ? new CallbackError(error) : error;
  }
}

function requireTable({ tables }: Snapshot, table: string): void {
  const found = tables.get(table);
  if (found !== undefined && isMappable(found)) return;
  const names = [...tables.values()].filter(isMappable).map(({ name }) => name);
  const likely = names.filter(isUsersName).slice(0, 5);
  const hint =
    suggestion(closest(table, names)) || (likely.length === 0 ? '' : `; tables of people may be ${likely.join(', ')}`);
  throw new ConnectorError('coverage_broken', `the database has no table ${table}${hint}`, { retryable: false });
}

/** Adds every other table that `check` would list, with the reason why it has no entry. */
async function addIgnored(session: Session, survey: Survey, proposal: Proposal): Promise<Proposal> {
  const { settings, notes } = proposal;
  const models = buildModels(settings);
  const tables = mappedTables(models);
  const inspection = {
    context: { system: 'app', settings, models, server: { url: '', tuning: TUNING } },
    options: { thorough: true },
    session,
    catalog: await readCatalog(session, tables),
    relations: await readRelations(session, tables),
  };
  const reasons = await coverageReasons(inspection, await readTables(session));
  // A table below an ignored one is not listed by \`check\`, unless it has another reason.
  const isListed = ({ table, many, isReported }: Reason): boolean =>
    isReported !== true &&
    (!many.startsWith('reference ') ||
      survey.snapshot.foreignKeys.some(({ child, parent }) => child === table && tables.includes(parent)));
  const first = new Map(
    reasons
      .filter(isListed)
      .toReversed()
      .map(({ table, one }) => [table, one]),
  );
  const ignore = [...first]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([table, one], index) => {
      const { reason, why, isQuestion } = ignoredTable(table, one, survey, new Set(tables));
      if (isQuestion) notes.ask(`ignore.${index}`, `${why}; map the table if it holds data of the subjects`);
      else notes.add(`ignore.${index}`, why);
      return { table, reason };
    });
  return ignore.length === 0 ? proposal : { ...proposal, settings: { ...settings, ignore } };
}

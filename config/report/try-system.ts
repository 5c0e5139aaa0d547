import { randomUUID } from 'node:crypto';
import {
  type Batch,
  type Connector,
  type ConnectorContext,
  ConnectorError,
  type Description,
} from '../../connectors/connector.ts';
import { type Identity, type IdentityType, normalize } from '../../domain/identity.ts';
import { newId } from '../../domain/ids.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { projectEntry, type ReadDeployment } from '../deployment.ts';
import { type SecretReader, withConnector } from '../inspect.ts';

/** What one harmless verb of a system did. */
export interface TriedVerb {
  readonly kind: SubjectKind;
  readonly verb: 'check' | 'count' | 'verify' | 'export';
  readonly result: string;
  /** `wrong`: the connector or its configuration. `away`: the system could not be asked. */
  readonly outcome: 'fine' | 'wrong' | 'away';
}

interface Attempt {
  readonly connector: Connector;
  readonly batch: Batch;
  readonly isInvented: boolean;
}

/**
 * Calls every verb of a system that changes nothing, for `given` or for identities that cannot exist. Prints no value: a
 * row that is found for an identity that cannot exist is an error of the connector, which would delete it.
 */
export async function trySystem(
  deployment: ReadDeployment,
  project: string,
  system: string,
  given: { readonly kind: SubjectKind; readonly identity: Identity } | null,
  secret: SecretReader,
): Promise<readonly TriedVerb[]> {
  const definition = projectEntry(deployment.definitions, project).get(system);
  if (definition === undefined)
    throw new Error(`projects.${project} has no system ${system}; check the name after --try`);
  const description = definition.describe();
  const kinds = given === null ? description.kinds : [given.kind];
  const tried: TriedVerb[] = [];
  for (const kind of kinds) {
    const identities =
      given === null ? inventIdentities(description, kind) : [requireValid(description, given.kind, given.identity)];
    tried.push(
      ...(await withConnector(deployment, project, system, secret, (connector) =>
        tryVerbs({ connector, batch: batchOf(kind, identities), isInvented: given === null }),
      )),
    );
  }
  return tried;
}

async function tryVerbs({ connector, batch, isInvented }: Attempt): Promise<TriedVerb[]> {
  const { kind, requestId } = batch;
  const tried: TriedVerb[] = [];
  const attempt = async (verb: TriedVerb['verb'], work: () => Promise<Result | null>): Promise<void> => {
    const result = await resultOf(work);
    if (result !== null) tried.push({ kind, verb, ...result });
  };
  const found = (text: string, rows: number): Result => ({
    result: text,
    outcome: isInvented && rows > 0 ? 'wrong' : 'fine',
  });
  try {
    await attempt('check', async () => {
      const errors = await connector.inspect();
      const [first] = errors;
      return first === undefined
        ? { result: 'no config errors', outcome: 'fine' }
        : { result: errors.map(({ path, message }) => `${path}: ${message}`).join('; '), outcome: 'wrong' };
    });
    if (tried.some(({ outcome }) => outcome !== 'fine')) return tried;
    await attempt('count', async () => {
      const count = await connector.count?.(batch, 'data', context());
      if (count === undefined) return null;
      const rows = sum(Object.values(count.tables));
      return found(rowsText(rows), rows);
    });
    await attempt('verify', async () => {
      const verification = await connector.verify?.(batch, 'data', context());
      if (verification === undefined) return null;
      if ('survivors' in verification) return found(rowsText(verification.survivors), verification.survivors);
      if ('unknown' in verification) return { result: `cannot be read: ${verification.unknown}`, outcome: 'wrong' };
      return { result: 'verifyAgainAt' in verification ? 'answers later' : 'attested', outcome: 'fine' };
    });
    await attempt('export', () => tryExport(connector, batch, found));
    return tried;
  } finally {
    await connector.conclude?.({ requestId, kind }, context());
  }
}

interface Result {
  readonly result: string;
  readonly outcome: TriedVerb['outcome'];
}

/** Reads every row and keeps none. */
async function tryExport(
  connector: Connector,
  batch: Batch,
  found: (text: string, rows: number) => Result,
): Promise<Result | null> {
  if (connector.export === undefined) return null;
  let [tables, rows] = [0, 0];
  for await (const table of connector.export(batch, { scope: 'data', since: null, format: 'ndjson' }, context())) {
    tables += 1;
    for await (const owned of table.rows) rows += owned.rows;
  }
  return found(`${rowsText(rows)} of ${tables} ${tables === 1 ? 'table' : 'tables'}`, rows);
}

/** The message of a `ConnectorError` has figures and codes only. */
async function resultOf(work: () => Promise<Result | null>): Promise<Result | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return { result: `${error.code}: ${error.message}`, outcome: error.retryable ? 'away' : 'wrong' };
  }
}

const rowsText = (rows: number): string => `${rows} ${rows === 1 ? 'row' : 'rows'}`;

const sum = (figures: readonly number[]): number => figures.reduce((all, each) => all + each, 0);

function requireValid({ identityTypes }: Description, kind: SubjectKind, { type, value }: Identity): Identity {
  const types = identityTypes[kind] ?? {};
  const normal = normalize(types[type], value);
  if (!('invalid' in normal)) return { type, value: normal.value };
  throw new Error(`the ${kind} identity is invalid: ${normal.invalid}. Types: ${Object.keys(types).join(', ')}`);
}

/** One identity of each type. The domain of the texts is reserved, so that no address can exist. */
const inventIdentities = ({ identityTypes }: Description, kind: SubjectKind): Identity[] =>
  Object.entries(identityTypes[kind] ?? {}).map(([type, identityType]) => ({ type, value: inventValue(identityType) }));

function inventValue({ comparison, parts }: IdentityType): string[] {
  return Array.from({ length: parts }, () => {
    if (comparison === 'uuid') return randomUUID();
    return comparison === 'integer' ? '-9223372036854775808' : `lethe-${randomUUID()}@check.invalid`;
  });
}

const batchOf = (kind: SubjectKind, identities: readonly Identity[]): Batch => ({
  requestId: newId('request', Date.now()),
  kind,
  batch: 'b1',
  firstSeq: 1,
  lastSeq: 1,
  size: 1,
  identities: async function* () {
    yield identities.map((identity) => ({ seq: 1, identity }));
  },
  foreignIds: async function* () {},
});

const context = (): ConnectorContext => ({
  signal: AbortSignal.timeout(120_000),
  heartbeat: () => {},
  waitForSlot: () => Promise.resolve(),
  postponeLane: () => Promise.resolve(),
  keepForeignIds: () => Promise.resolve(),
});

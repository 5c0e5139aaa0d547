import type { Batch, Connector, ConnectorContext, Resolved } from '../../connectors/connector.ts';
import { identityTypesOf, systemsFor } from '../../domain/catalog.ts';
import { canonicalValue, spellingsOf } from '../../domain/identity-forms.ts';
import {
  ALIAS,
  type Identity,
  type IdentityType,
  type IdentityTypes,
  normalize,
  type SubjectIdentity,
} from '../../domain/identity.ts';
import { newId } from '../../domain/ids.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { projectEntry, type ReadDeployment } from '../deployment.ts';
import { type SecretReader, withConnector } from '../inspect.ts';

export interface Holdings {
  /** Whether the directory knows the identity. Otherwise every system is still searched, as in a deletion. */
  readonly isKnown: boolean;
  readonly subjects: number;
  readonly systems: readonly { readonly system: string; readonly tables: Readonly<Record<string, number>> | null }[];
}

/** Counts the rows per table that a deletion by this identity would find now. Changes nothing and returns no values. */
export async function countHoldings(
  deployment: ReadDeployment,
  name: string,
  kind: SubjectKind,
  given: Identity,
  secret: SecretReader,
): Promise<Holdings> {
  const project = projectEntry(deployment.catalog, name);
  const types = identityTypesOf(project, kind);
  const declared = types[given.type];
  const normal = normalize(declared, given.value);
  if ('invalid' in normal || declared === undefined)
    throw new Error(
      `the ${kind} identity is invalid: ${'invalid' in normal ? normal.invalid : 'unknown_type'}. Identity types: ${listTypes(types)}`,
    );
  const identity = { type: given.type, value: normal.value };
  const requestId = newId('request', Date.now());

  /** Removes what the connector loaded into the system, also after an error. */
  const query = <Result>(system: string, use: (connector: Connector) => Promise<Result>): Promise<Result> =>
    withConnector(deployment, name, system, secret, async (connector) => {
      try {
        return await use(connector);
      } finally {
        await connector.conclude?.({ requestId, kind }, connectorContext());
      }
    });
  const facts = await query(project.directory, async (directory) => {
    const found: Resolved[] = [];
    const identities = () => yieldPage([{ position: 1, identity }]);
    const pages = directory.resolve?.({ requestId, kind, by: 'identities', identities }, connectorContext()) ?? [];
    for await (const page of pages) found.push(...page);
    return found;
  });
  const members = resolveMembers(declared, identity, facts);
  const subjects = new Set(members.map((member) => member.seq)).size;
  const batch: Batch = {
    requestId,
    kind,
    batch: 'b1',
    firstSeq: 1,
    lastSeq: subjects,
    size: subjects,
    identities: () => yieldPage(members),
    foreignIds: () => yieldPage([]),
  };
  const systems = [];
  for (const { name: system } of systemsFor(project, kind)) {
    const count = await query(system, async (connector) => connector.count?.(batch, 'data', connectorContext()));
    systems.push({ system, tables: count?.tables ?? null });
  }
  return { isKnown: facts.some(({ fact }) => fact === 'match'), subjects, systems };
}

const listTypes = (types: IdentityTypes): string =>
  Object.entries(types)
    .map(([type, { comparison, parts }]) => `${type}: ${comparison}${parts > 1 ? `, ${parts} values` : ''}`)
    .join('; ') || 'none for this kind';

/** Adds the other identities of each subject, except those that another subject shares, as a deletion does (rule 8). */
function resolveMembers(declared: IdentityType, given: Identity, facts: readonly Resolved[]): SubjectIdentity[] {
  const keys = [
    ...new Map(facts.filter((fact) => fact.fact === 'match').map(({ key }) => [key.value.join('\0'), key])).values(),
  ];
  if (keys.length === 0) {
    const { comparison } = declared;
    return spellingsOf(comparison, given.value).map((value) => ({ seq: 1, identity: { type: given.type, value } }));
  }
  if (keys.length > 1 && given.type !== ALIAS)
    throw new Error(
      `the identity is ambiguous: it matches ${keys.length} subjects. Use another identity of the subject.`,
    );
  const seqOf = new Map(keys.map((key, index) => [key.value.join('\0'), index + 1]));
  const isGiven = (identity: Identity): boolean =>
    identity.type === given.type && textOf(declared, identity) === textOf(declared, given);
  const others = facts.flatMap((fact) => {
    const seq = seqOf.get(fact.key.value.join('\0'));
    if (fact.fact !== 'identity' || seq === undefined || (fact.sharers > 0 && !isGiven(fact.identity))) return [];
    return [{ seq, identity: fact.identity }];
  });
  const keyMembers = keys.map((identity, index) => ({ seq: index + 1, identity }));
  return [...keyMembers, ...others].toSorted((a, b) => a.seq - b.seq);
}

/** Another Unicode form of the identity can belong to another subject, so its text differs. */
const textOf = ({ comparison }: IdentityType, { value }: Identity): string =>
  [...canonicalValue(comparison, value), ...value.map((part) => part.toLowerCase())].join('\0');

async function* yieldPage<Item>(items: Item[]): AsyncGenerator<Item[]> {
  await Promise.resolve();
  yield items;
}

/** A command has no heartbeat, and its few calls need no slots. */
const connectorContext = (): ConnectorContext => ({
  signal: AbortSignal.timeout(120_000),
  heartbeat: () => undefined,
  waitForSlot: () => Promise.resolve(),
  postponeLane: () => Promise.resolve(),
  keepForeignIds: () => Promise.resolve(),
});

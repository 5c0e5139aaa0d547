import type { Batch, Connector, ConnectorContext, Resolved } from '../connectors/connector.ts';
import { identityTypesOf, systemsFor } from '../domain/catalog.ts';
import { ALIAS, type Identity, type IdentityTypes, normalise, type SubjectIdentity } from '../domain/identity.ts';
import { newId } from '../domain/ids.ts';
import type { SubjectKind } from '../domain/vocabulary.ts';
import type { ReadDeployment } from './deployment.ts';
import { type Secrets, withConnector } from './inspect.ts';

export interface Holding {
  /** Whether the directory knows the identity; if not, every system is asked all the same, as a deletion would. */
  readonly known: boolean;
  readonly subjects: number;
  readonly systems: readonly { readonly system: string; readonly tables: Readonly<Record<string, number>> }[];
}

/**
 * What each system holds on the subjects that an identity stands for, per table: what a deletion by this identity
 * would find now. Only figures leave; nothing is changed, hidden or kept.
 */
export async function holdingsOf(
  deployment: ReadDeployment,
  name: string,
  kind: SubjectKind,
  given: Identity,
  secret: Secrets,
): Promise<Holding> {
  const project = deployment.catalog.get(name);
  if (project === undefined)
    throw new Error(`there is no such project; there are ${[...deployment.catalog.keys()].join(', ')}`);
  const types = identityTypesOf(project, kind);
  const normal = normalise(types[given.type], given.value);
  if ('invalid' in normal)
    throw new Error(`the ${kind} identity cannot be one of its type: ${normal.invalid} (${listed(types)})`);
  const identity = { type: given.type, value: normal.value };
  const requestId = newId('request', Date.now());

  /** One question to one system; what it loaded for the answer goes, also when there is none. */
  const ask = <Answer>(system: string, question: (connector: Connector) => Promise<Answer>): Promise<Answer> =>
    withConnector(deployment, name, system, secret, async (connector) => {
      try {
        return await question(connector);
      } finally {
        await connector.conclude?.({ requestId, kind }, work());
      }
    });
  const facts = await ask(project.directory, async (directory) => {
    const found: Resolved[] = [];
    const identities = () => pageOf([{ position: 1, identity }]);
    const pages = directory.resolve?.({ requestId, kind, by: 'identities', identities }, work()) ?? [];
    for await (const page of pages) found.push(...page);
    return found;
  });
  const members = membersOf(identity, facts);
  const subjects = new Set(members.map((member) => member.seq)).size;
  const batch: Batch = {
    requestId,
    kind,
    batch: 'b1',
    firstSeq: 1,
    lastSeq: subjects,
    size: subjects,
    identities: () => pageOf(members),
  };
  const systems = [];
  for (const { name: system } of systemsFor(project, kind)) {
    const count = await ask(system, (connector) => connector.count(batch, 'data', work()));
    systems.push({ system, tables: count.tables });
  }
  return { known: facts.some(({ fact }) => fact === 'match'), subjects, systems };
}

const listed = (types: IdentityTypes): string =>
  Object.entries(types)
    .map(([type, { comparison, parts }]) => `${type}: ${comparison}${parts > 1 ? `, ${parts} values` : ''}`)
    .join('; ') || 'the project has none of this kind';

/** As a deletion expands (rule 8): each subject's other identities, but none that it shares with somebody else. */
function membersOf(given: Identity, facts: readonly Resolved[]): SubjectIdentity[] {
  const keys = [
    ...new Map(facts.filter((fact) => fact.fact === 'match').map(({ key }) => [key.value.join('\0'), key])).values(),
  ];
  if (keys.length === 0) return [{ seq: 1, identity: given }];
  if (keys.length > 1 && given.type !== ALIAS)
    throw new Error(`${keys.length} subjects are called so: name one of them by another identity`);
  const seqOf = new Map(keys.map((key, index) => [key.value.join('\0'), index + 1]));
  const same = (identity: Identity): boolean =>
    identity.type === given.type && identity.value.join('\0') === given.value.join('\0');
  const others = facts.flatMap((fact) => {
    const seq = seqOf.get(fact.key.value.join('\0'));
    if (fact.fact !== 'identity' || seq === undefined || (fact.sharers > 0 && !same(fact.identity))) return [];
    return [{ seq, identity: fact.identity }];
  });
  const named = keys.map((identity, index) => ({ seq: index + 1, identity }));
  const isKey = (member: SubjectIdentity): boolean => keys.some((key) => key.type === member.identity.type);
  return [...named, ...others.filter((member) => !isKey(member))].toSorted((a, b) => a.seq - b.seq);
}

async function* pageOf<Item>(items: Item[]): AsyncGenerator<Item[]> {
  await Promise.resolve();
  yield items;
}

/** Nobody waits for a heartbeat, and one question needs no slot. */
const work = (): ConnectorContext => ({
  signal: AbortSignal.timeout(120_000),
  heartbeat: () => undefined,
  slot: () => Promise.resolve(),
});

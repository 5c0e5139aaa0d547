import type { IdentityColumns } from '../../../data-map/data-map.ts';
import { isCredential } from '../../../data-map/checks/credentials.ts';
import { wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import { canHoldKey } from '../catalog/families.ts';
import {
  type Column,
  type Snapshot,
  columnOf,
  hasIndexOn,
  hasLowerIndex,
  isUnique,
  keysFrom,
} from '../catalog/snapshot.ts';
import { isAddress } from '../entries/by-address.ts';
import { isPhoneColumn } from '../names/column-kinds.ts';
import type { EmailIdentity } from '../entries/draft.ts';
import { answerOf, type Samples } from '../sample/sample.ts';
import { textQuestionId } from '../sample/column-statements.ts';
import { percent } from './notes.ts';
import { plainComparison, type Subject } from './subject.ts';

/** An identity type of the subject, with the reason and a question, if a person has to decide. */
export interface ProposedIdentity {
  readonly type: string;
  readonly columns: IdentityColumns;
  readonly isEmail: boolean;
  readonly why: string;
  readonly question?: string;
}

export function proposeIdentities(snapshot: Snapshot, subject: Subject, samples: Samples): readonly ProposedIdentity[] {
  const { table, key, keyType } = subject;
  const linked = new Set(keysFrom(snapshot, table.name).flatMap(({ childColumns }) => childColumns));
  const free = table.columns.filter(
    ({ name, base, isArray }) =>
      !(key.length === 1 && key.includes(name)) &&
      !linked.has(name) &&
      !isArray &&
      canHoldKey(base) &&
      !isCredential(name, { base }),
  );
  const found = free.flatMap((column) => identityOf(column, subject, samples) ?? []);
  const used = new Set([keyType, 'alias']);
  return found.map((identity) => {
    const plain = identity.type.replaceAll(/\W/g, '_').replace(/^(?![A-Za-z])/, 'id_');
    const type = used.has(plain) ? `${plain}_identity` : plain;
    used.add(type);
    return { ...identity, type };
  });
}

function identityOf(column: Column, subject: Subject, samples: Samples): ProposedIdentity | null {
  const { table } = subject;
  const { name } = column;
  const isSingle = isUnique(table, [name]) || hasUniqueLower(column, subject);
  const isEmail = isAddress(table.name, column, samples);
  if (isEmail) return emailIdentity(column, subject, samples, isSingle);
  if (isSingle) {
    const match = hasLowerIndex(table, name) ? 'caseInsensitive' : plainComparison(column);
    return { type: name, columns: { column: name, match }, isEmail: false, why: 'unique' };
  }
  if (LOGIN.test(wordsOf(name)) && hasIndexOn(table, name))
    return {
      type: name,
      columns: { column: name, match: 'exact' },
      isEmail: false,
      why: 'the name of a login, with an index',
    };
  if (isPhoneColumn(column) && hasIndexOn(table, name))
    return {
      type: name,
      columns: { column: name, match: 'exact' },
      isEmail: false,
      why: 'the name of a phone number, with an index',
    };
  return null;
}

const LOGIN = /(^|_)(login|user_?name|handle|nick(_?name)?)$/;

const hasUniqueLower = ({ name }: Column, { table }: Subject): boolean =>
  hasLowerIndex(table, name) &&
  table.indexes.some(
    ({ isUnique: unique, isPartial, keys }) =>
      unique &&
      !isPartial &&
      keys.length === 1 &&
      (keys[0] ?? '').startsWith('(lower(') &&
      (keys[0] ?? '').includes(name),
  );

function emailIdentity(column: Column, { table }: Subject, samples: Samples, isSingle: boolean): ProposedIdentity {
  const { name } = column;
  const partners = table.indexes
    .filter(({ isUnique: unique, isPartial, keys }) => unique && !isPartial && keys.length > 1 && keys.includes(name))
    .map(({ keys }) => keys.filter((each) => each !== name));
  const [first] = partners;
  const others = (first ?? []).map((each) => columnOf(table, each));
  const texts = answerOf(samples, textQuestionId(table.name), `email ${name}`);
  const looks =
    texts === undefined || texts.sampled === 0
      ? 'the name of an email address'
      : `${percent(texts.matched / texts.sampled)} of ${texts.sampled} sampled values look like email addresses`;
  const why = isSingle ? `${looks}; unique` : looks;
  if (!isSingle && others.length > 0 && others.every((each) => each?.family === 'text')) {
    const columns = [name, ...others.flatMap((each) => (each === undefined ? [] : [each.name]))];
    return {
      type: name,
      columns: { columns, match: 'caseInsensitive' },
      isEmail: true,
      why: `${looks}; unique together`,
    };
  }
  const shared = `${name} is unique only together with ${(first ?? []).join(', ')}, so an address can name several subjects; such a request is ambiguous`;
  return {
    type: name,
    columns: { column: name, match: 'caseInsensitive' },
    isEmail: true,
    why,
    ...(isSingle || others.length === 0 ? {} : { question: shared }),
  };
}

/** The identity whose addresses other tables repeat. */
export function emailIdentityOf(identities: readonly ProposedIdentity[]): EmailIdentity | null {
  const emails = identities.flatMap(({ isEmail, type, columns }) => {
    const [column, ...others] = 'column' in columns ? [columns.column] : columns.columns;
    return isEmail && column !== undefined ? [{ type, column, others }] : [];
  });
  return emails.find(({ column }) => /^e_?mail$/.test(wordsOf(column))) ?? emails[0] ?? null;
}

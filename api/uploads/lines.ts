import { createHash } from 'node:crypto';
import type { SubmittedIdentity } from '../../db/requests/create.ts';
import { DomainError } from '../../domain/errors.ts';
import type { IdentityTypes } from '../../domain/identity.ts';
import { chooseColumns } from './columns.ts';
import { readCsv } from './csv.ts';
import { bodyError, type ValidationError, invalidRequest } from '../http/validation-errors.ts';
import { identityList } from '../identities.ts';
import type { UploadParameters } from './parameters.ts';

/** What a file says: accepted + merged + failed + blank = total. */
export interface Lines {
  readonly identities: readonly SubmittedIdentity[];
  readonly tally: {
    readonly lines: {
      readonly total: number;
      readonly accepted: number;
      readonly merged: number;
      readonly failed: number;
      readonly blank: number;
    };
    readonly failures: { readonly line: number; readonly reason: string }[];
    readonly mergedInto: { readonly line: number; readonly into: number }[];
  };
  /** Of every byte. */
  readonly sha256: Buffer;
}

export interface Rules {
  readonly types: IdentityTypes;
  readonly parts: number;
  /** How many identities are taken; what is behind them is not read. */
  readonly limit: number;
  /** Where the caller said which columns it means. */
  readonly place: ValidationError['in'];
}

const SHOWN = 100;
const DELIMITERS = { ',': ',', ';': ';', tab: '\t' } as const;

/** Reads a file to its end, keeping only its identities. An invalid line does not refuse the others. */
export async function readLines(
  file: AsyncIterable<Uint8Array>,
  { type, columns, header, delimiter }: UploadParameters,
  { types, parts, limit, place }: Rules,
): Promise<Lines> {
  const hash = createHash('sha256');
  const hashed = async function* () {
    for await (const chunk of file) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const indexesIn = (names: readonly string[] | null): readonly number[] => {
    const chosen = chooseColumns(columns, names, type, parts);
    if ('indexes' in chosen) return chosen.indexes;
    throw invalidRequest([{ in: place, pointer: '/columns', code: chosen.error, detail: chosen.detail }]);
  };
  let indexes = header === 'absent' ? indexesIn(null) : null;
  const list = identityList(types);
  const at: number[] = [];
  const failures: { line: number; reason: string }[] = [];
  const mergedInto: { line: number; into: number }[] = [];
  let [total, blank] = [0, 0];
  await readCsv(hashed(), DELIMITERS[delimiter], (line, fields) => {
    if (indexes === null) {
      indexes = indexesIn(fields.map((name) => name.trim()));
      return;
    }
    total += 1;
    if (fields.every((field) => field.trim() === '')) {
      blank += 1;
      return;
    }
    if (at.push(line) > limit)
      throw new DomainError('too_many_subjects', `an upload takes ${limit} identities`, { limit });
    const { reason, duplicateOf } = list.add(
      type,
      indexes.flatMap((index) => fields[index] ?? []),
      line,
    );
    if (reason !== null) failures.push({ line, reason });
    if (duplicateOf !== null) mergedInto.push({ line, into: at[duplicateOf - 1] ?? line });
  });
  const [failed, merged] = [failures.length, mergedInto.length];
  const accepted = list.identities.length - failed - merged;
  const tally = {
    lines: { total, accepted, merged, failed, blank },
    failures: failures.slice(0, SHOWN),
    mergedInto: mergedInto.slice(0, SHOWN),
  };
  if (accepted === 0)
    throw invalidRequest([bodyError('/file', 'no_identities', 'has no line that is an identity of the type')], tally);
  return { identities: list.identities, tally, sha256: hash.digest() };
}

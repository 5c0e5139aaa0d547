import { createHash } from 'node:crypto';
import type { SubmittedIdentity } from '../../db/requests/create.ts';
import { DomainError } from '../../domain/errors.ts';
import type { IdentityTypes } from '../../domain/identity.ts';
import { selectColumns } from './columns.ts';
import { malformedCsv, readCsv } from './csv.ts';
import { bodyError, type ValidationError, invalidRequest } from '../http/validation-errors.ts';
import { createIdentityList } from '../identities.ts';
import type { UploadParameters } from './parameters.ts';

/** The identities of a file. `total` is the sum of `accepted`, `merged`, `failed` and `blank`. */
export interface UploadLines {
  readonly identities: readonly SubmittedIdentity[];
  readonly report: {
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
  /** Digest of all bytes of the file. */
  readonly sha256: Buffer;
}

export interface UploadRules {
  readonly types: IdentityTypes;
  readonly parts: number;
  /** The largest number of identities. Reading stops at the first one above it. */
  readonly limit: number;
  /** Where the caller sent `columns`. */
  readonly place: ValidationError['in'];
}

const MAX_LINES_SHOWN = 100;
const DELIMITERS = { ',': ',', ';': ';', tab: '\t' } as const;

/** Reads a file to its end and keeps only its identities. An invalid line does not reject the other lines. */
export async function readLines(
  file: AsyncIterable<Uint8Array>,
  { type, columns, header, delimiter }: UploadParameters,
  { types, parts, limit, place }: UploadRules,
): Promise<UploadLines> {
  const hash = createHash('sha256');
  const hashed = async function* () {
    for await (const chunk of file) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const indexesIn = (names: readonly string[] | null): readonly number[] => {
    const selection = selectColumns(columns, names, type, parts);
    if ('indexes' in selection) return selection.indexes;
    throw invalidRequest([{ in: place, pointer: '/columns', code: selection.error, detail: selection.detail }]);
  };
  let indexes = header === 'absent' ? indexesIn(null) : null;
  const list = createIdentityList(types);
  const at: number[] = [];
  const failures: { line: number; reason: string }[] = [];
  const mergedInto: { line: number; into: number }[] = [];
  let [total, blank] = [0, 0];
  let first = true;
  await readCsv(hashed(), DELIMITERS[delimiter], (line, fields) => {
    if (first) requireNoSemicolon(line, fields, delimiter);
    first = false;
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
      throw new DomainError(
        'too_many_subjects',
        `The file has more than ${limit} identities, the limit of one upload. Nothing was stored; split the file.`,
        { limit },
      );
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
  const report = {
    lines: { total, accepted, merged, failed, blank },
    failures: failures.slice(0, MAX_LINES_SHOWN),
    mergedInto: mergedInto.slice(0, MAX_LINES_SHOWN),
  };
  if (accepted === 0)
    throw invalidRequest(
      [
        bodyError(
          '/file',
          'no_identities',
          'contains no valid identity of the type; `failures` lists the first invalid lines',
        ),
      ],
      report,
    );
  return { identities: list.identities, report, sha256: hash.digest() };
}

/** Spreadsheets of many countries separate columns by semicolons. Read as commas, whole lines would become identities. */
function requireNoSemicolon(line: number, fields: readonly string[], delimiter: UploadParameters['delimiter']): void {
  if (delimiter !== ';' && fields.length === 1 && fields[0]?.includes(';') === true)
    throw malformedCsv(
      line,
      'its only column contains a semicolon',
      'if semicolons separate the columns, pass delimiter=;',
    );
}

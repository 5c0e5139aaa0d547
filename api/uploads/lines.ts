import { createHash } from 'node:crypto';
import type { SubmittedIdentity } from '../../db/requests/create.ts';
import { DomainError } from '../../domain/errors.ts';
import type { IdentityTypes } from '../../domain/identity.ts';
import { bodyError, type ValidationError, invalidRequest } from '../http/validation-errors.ts';
import { createIdentityList } from '../identities.ts';
import { selectColumns } from './columns.ts';
import { readCsv } from './csv.ts';
import { delimiterError, type Dialect, DELIMITER_NAMES, DELIMITERS, recognizeDialect } from './dialect.ts';
import { readHead } from './head.ts';
import type { UploadParameters } from './parameters.ts';

/** The identities of a file. `total` is the sum of `accepted`, `merged`, `failed` and `blank`. */
export interface UploadLines {
  readonly identities: readonly SubmittedIdentity[];
  readonly report: {
    readonly lines: {
      /** The names that were found in the header. Never another text of the file, which may be personal. */
      readonly header: 'absent' | readonly string[];
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

/** Reads a file to its end and keeps only its identities. An invalid line does not reject the other lines. */
export async function readLines(
  file: AsyncIterable<Uint8Array>,
  parameters: UploadParameters,
  rules: UploadRules,
): Promise<UploadLines> {
  const hash = createHash('sha256');
  const hashed = async function* () {
    for await (const chunk of file) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const head = await readHead(hashed());
  try {
    const dialect = recognizeDialect(head, parameters, rules);
    const { read, end } = createLineReader(parameters, rules, dialect, head.recordLine);
    await readCsv(head.rest, { delimiter: DELIMITERS[dialect.delimiter], firstLine: head.restLine }, read);
    return { ...end(), sha256: hash.digest() };
  } finally {
    await head.close();
  }
}

function createLineReader(
  { type, columns }: Pick<UploadParameters, 'type' | 'columns'>,
  { types, parts, limit, place }: UploadRules,
  dialect: Dialect,
  headerLine: number,
) {
  const select = (header: readonly string[] | null) => {
    const selection = selectColumns(columns, header, type, parts);
    if ('indexes' in selection) return { ...selection, width: header?.length ?? null };
    const { pointer, code, detail } = selection;
    throw invalidRequest([{ in: pointer === '/file' ? 'body' : place, pointer, code, detail }]);
  };
  let selected = dialect.hasHeader ? null : select(null);
  const list = createIdentityList(types);
  const at: number[] = [];
  const failures: { line: number; reason: string }[] = [];
  const mergedInto: { line: number; into: number }[] = [];
  let [total, blank] = [0, 0];

  const read = (line: number, fields: readonly string[]): void => {
    if (selected === null) {
      if (line >= headerLine) selected = select(fields);
      return;
    }
    total += 1;
    if (fields.every((field) => field.trim() === '')) {
      blank += 1;
      return;
    }
    if (at.push(line) > limit) throw tooManyLines(limit);
    const value = selected.indexes.flatMap((index) => fields[index] ?? []);
    requireSplit(line, { fields, value, width: selected.width }, dialect, place);
    const { reason, duplicateOf } = list.add(type, value, line);
    if (reason !== null) failures.push({ line, reason });
    if (duplicateOf !== null) mergedInto.push({ line, into: at[duplicateOf - 1] ?? line });
  };

  const end = (): Omit<UploadLines, 'sha256'> => {
    const [failed, merged] = [failures.length, mergedInto.length];
    const accepted = list.identities.length - failed - merged;
    const header = dialect.hasHeader ? (selected?.names ?? []) : ('absent' as const);
    const report = {
      lines: { header, total, accepted, merged, failed, blank },
      failures: failures.slice(0, MAX_LINES_SHOWN),
      mergedInto: mergedInto.slice(0, MAX_LINES_SHOWN),
    };
    if (accepted > 0) return { identities: list.identities, report };
    const detail = 'contains no valid identity of the type; `failures` lists the first invalid lines';
    throw invalidRequest([bodyError('/file', 'no_identities', detail)], report);
  };
  return { read, end };
}

const tooManyLines = (limit: number): DomainError =>
  new DomainError(
    'too_many_subjects',
    `The file has more than ${limit} identities, the limit of one upload. Nothing was stored; split the file.`,
    { limit },
  );

/**
 * Throws if the columns of a line may not have been separated: whole lines would become identities. A header that was
 * recognized proves the delimiter for all lines that have as many columns.
 */
function requireSplit(
  line: number,
  {
    fields,
    value,
    width,
  }: { readonly fields: readonly string[]; readonly value: readonly string[]; readonly width: number | null },
  { source, delimiter }: Dialect,
  place: ValidationError['in'],
): void {
  if (source === 'stated' || (source === 'recognized' && fields.length >= (width ?? 0))) return;
  const found = DELIMITER_NAMES.find(
    (name) => name !== delimiter && value.some((part) => part.includes(DELIMITERS[name])),
  );
  const otherwise = delimiter;
  if (found !== undefined) throw invalidRequest([delimiterError(line, { found, otherwise }, place)], { line });
  // A comma may also be part of the only column's identities.
  const isCut = width === 1 && fields.slice(1).some((field) => field.trim() !== '');
  if (isCut) throw invalidRequest([delimiterError(line, { found: delimiter, otherwise: 'tab' }, place)], { line });
}

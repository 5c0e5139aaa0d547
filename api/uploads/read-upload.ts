import { DomainError } from '../../domain/errors.ts';
import { bodyBytes } from '../http/body-limit.ts';
import { type ValidationError, invalidRequest, refused } from '../http/validation-errors.ts';
import { type Fields, readForm } from './multipart.ts';
import { type Lines, readLines, type Rules } from './lines.ts';
import { UploadParameters } from './parameters.ts';

export interface Upload {
  readonly parameters: UploadParameters;
  readonly lines: Lines;
}
type Query = Readonly<Record<string, string>>;

/**
 * An upload, whichever way it comes: a file whose parameters are the query, or a form whose fields they are. `rulesOf`
 * judges the parameters before the first line is read.
 */
export async function readUpload(
  request: Request,
  query: Query,
  limit: number,
  rulesOf: (parameters: UploadParameters, place: ValidationError['in']) => Rules,
): Promise<Upload> {
  const read = async (
    given: unknown,
    place: ValidationError['in'],
    file: AsyncIterable<Uint8Array>,
  ): Promise<Upload> => {
    const parsed = UploadParameters.safeParse(given);
    if (!parsed.success) throw refused(parsed.error, place);
    const parameters = parsed.data;
    return { parameters, lines: await readLines(file, parameters, rulesOf(parameters, place)) };
  };
  const contentType = request.headers.get('Content-Type') ?? '';
  const bytes = bodyBytes(request, limit);
  if (/^text\/csv *(;|$)/i.test(contentType)) {
    const charset = /; *charset="?([^"; ]*)/i.exec(contentType)?.[1] ?? 'utf-8';
    if (/^(utf-?8|us-ascii)$/i.test(charset)) return read(query, 'query', bytes);
    throw new DomainError('unsupported_media_type', 'the file has to be UTF-8');
  }
  if (!/^multipart\/form-data *;/i.test(contentType))
    throw new DomainError('unsupported_media_type', 'the body is neither text/csv nor multipart/form-data');
  refuseQuery(query);
  return readForm(contentType, bytes, (fields, file) => read(valuesOf(fields), 'body', file));
}

function refuseQuery(query: Query): void {
  const errors = Object.keys(query).map((name): ValidationError => {
    return { in: 'query', pointer: `/${name}`, code: 'belongs_in_the_form', detail: 'is a field of the form' };
  });
  if (errors.length > 0) throw invalidRequest(errors);
}

/** One that is given twice is a list, and so of another type than its schema wants. */
const valuesOf = (fields: Fields): unknown =>
  Object.fromEntries(
    [...Map.groupBy(fields, ([name]) => name)].map(([name, given]) => {
      const values = given.map(([, value]) => value);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );

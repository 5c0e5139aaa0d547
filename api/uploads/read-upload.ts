import { DomainError } from '../../domain/errors.ts';
import { bodyBytes } from '../http/body-limit.ts';
import { type ValidationError, invalidRequest, validationErrors } from '../http/validation-errors.ts';
import { type Fields, readForm } from './multipart.ts';
import { type UploadLines, readLines, type UploadRules } from './lines.ts';
import { UploadParameters } from './parameters.ts';

export interface Upload {
  readonly parameters: UploadParameters;
  readonly lines: UploadLines;
}
type Query = Readonly<Record<string, string>>;

/**
 * Reads an upload: a CSV body with its parameters in the query, or a form with the parameters as fields.
 * `checkParameters` is called before the first line is read.
 */
export async function readUpload(
  request: Request,
  query: Query,
  limit: number,
  checkParameters: (parameters: UploadParameters, place: ValidationError['in']) => UploadRules,
): Promise<Upload> {
  const read = async (
    sent: unknown,
    place: ValidationError['in'],
    file: AsyncIterable<Uint8Array>,
  ): Promise<Upload> => {
    const parsed = UploadParameters.safeParse(sent);
    if (!parsed.success) throw invalidRequest(validationErrors(parsed.error, place, sent));
    const parameters = parsed.data;
    return { parameters, lines: await readLines(file, parameters, checkParameters(parameters, place)) };
  };
  const contentType = request.headers.get('Content-Type') ?? '';
  const bytes = bodyBytes(request, limit);
  if (/^text\/csv *(;|$)/i.test(contentType)) {
    const charset = /; *charset="?([^"; ]*)/i.exec(contentType)?.[1] ?? 'utf-8';
    if (/^(utf-?8|us-ascii)$/i.test(charset)) return read(query, 'query', bytes);
    throw unsupported(
      'The Content-Type names a charset other than UTF-8. Nothing was stored; convert the file to UTF-8.',
    );
  }
  if (!/^multipart\/form-data *;/i.test(contentType))
    throw unsupported('The body is neither CSV nor a form. Send Content-Type: text/csv or multipart/form-data.');
  rejectQuery(query);
  return readForm(contentType, bytes, (fields, file) => read(groupValues(fields), 'body', file));
}

const unsupported = (detail: string): DomainError => new DomainError('unsupported_media_type', detail);

function rejectQuery(query: Query): void {
  const errors = Object.keys(query).map((name): ValidationError => {
    return { in: 'query', pointer: `/${name}`, code: 'belongs_in_the_form', detail: 'must be a field of the form' };
  });
  if (errors.length > 0) throw invalidRequest(errors);
}

/** A field that occurs twice becomes a list, which its schema rejects. */
const groupValues = (fields: Fields): unknown =>
  Object.fromEntries(
    [...Map.groupBy(fields, ([name]) => name)].map(([name, occurrences]) => {
      const values = occurrences.map(([, value]) => value);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );

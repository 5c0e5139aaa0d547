import { DomainError } from '../../domain/errors.ts';
import { bodyBytes } from '../http/body/limit.ts';
import { type ValidationError, invalidRequest, validationErrors } from '../http/validation-errors.ts';
import { type Fields, readForm } from './multipart.ts';
import { type UploadLines, readLines, type UploadRules } from './lines.ts';
import { UPLOAD_PARAMETERS, type UploadParameters } from './parameters.ts';

export interface Upload {
  readonly parameters: UploadParameters;
  readonly lines: UploadLines;
}
type Values = Readonly<Record<string, string | readonly string[]>>;

/**
 * Reads an upload: a CSV body with its parameters in the query, or a form with the parameters as fields.
 * `checkParameters` is called before the first line is read.
 */
export async function readUpload(
  request: Request,
  query: Values,
  limit: number,
  {
    checkParameters,
    checkMalformed,
  }: {
    readonly checkParameters: (parameters: UploadParameters, place: ValidationError['in']) => UploadRules;
    /** The errors of parameters that do not fit their schema, beside those of the schema. */
    readonly checkMalformed: (sent: unknown, place: ValidationError['in']) => readonly ValidationError[];
  },
): Promise<Upload> {
  const read = async (sent: unknown, place: 'query' | 'body', file: AsyncIterable<Uint8Array>): Promise<Upload> => {
    const parsed = UPLOAD_PARAMETERS[place].safeParse(sent);
    if (!parsed.success)
      throw invalidRequest([...validationErrors(parsed.error, place, sent), ...checkMalformed(sent, place)]);
    const parameters: UploadParameters = parsed.data;
    return { parameters, lines: await readLines(file, parameters, checkParameters(parameters, place)) };
  };
  const contentType = request.headers.get('Content-Type') ?? '';
  const bytes = bodyBytes(request, limit, INCOMPLETE);
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
  return readForm(contentType, bytes, (fields, file) => read(groupFields(fields), 'body', file));
}

const INCOMPLETE = new DomainError(
  'malformed_csv',
  'The body ended before it was complete. Nothing was stored; send the upload again.',
);

const unsupported = (detail: string): DomainError => new DomainError('unsupported_media_type', detail);

/** Repeats only the names of parameters: any other text of a URL may be personal. */
function rejectQuery(query: Values): void {
  const names = Object.keys(query);
  const errors = names
    .filter((name) => Object.hasOwn(UPLOAD_PARAMETERS.body.shape, name))
    .map((name) => queryError(`/${name}`, 'belongs_in_the_form', 'must be a field of the form'));
  if (errors.length < names.length) errors.push(queryError('', 'unrecognized_keys', 'contains unknown fields'));
  if (errors.length > 0) throw invalidRequest(errors);
}

const queryError = (pointer: string, code: string, detail: string): ValidationError => ({
  in: 'query',
  pointer,
  code,
  detail,
});

/** A parameter that occurs twice becomes a list, which its schema rejects. */
export const groupValues = (parameters: Readonly<Record<string, readonly string[]>>): Values =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, [value = '', ...others]]) => [
      name,
      others.length === 0 ? value : [value, ...others],
    ]),
  );

const groupFields = (fields: Fields): Values => {
  const byName = Map.groupBy(fields, ([name]) => name);
  return groupValues(Object.fromEntries([...byName].map(([name, all]) => [name, all.map(([, value]) => value)])));
};

import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { DomainError } from '../../domain/errors.ts';
import { bodyError, type ValidationError, invalidRequest } from '../http/validation-errors.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

/** Longer than any valid field. A longer one is cut here, and its schema rejects it. */
const FIELD_BYTES = 8_192;
const MAX_FIELDS = 100;

/**
 * Passes the fields of a form and its one file to `read` while the file arrives. The file must be the last part, so that
 * all parameters are known before its first line. An error that `read` throws ends the reading and is thrown.
 */
export async function readForm<T>(
  contentType: string,
  bytes: AsyncIterable<Uint8Array>,
  read: (fields: Fields, file: Readable) => Promise<T>,
): Promise<T> {
  const parser = formParser(contentType);
  const stop = new AbortController();
  const done = Promise.withResolvers<T>();
  done.promise.catch((error: unknown) => stop.abort(error));
  const fields: [string, string][] = [];
  let file: Readable | undefined;
  parser.on('field', (name, value) => {
    if (file === undefined) fields.push([name, value]);
    else stop.abort(fieldsComeFirst());
  });
  parser.on('filesLimit', () => stop.abort(fileError('too_many_files', 'must occur only once')));
  parser.on('file', (_, stream) => {
    // An error event without a listener ends the process, and `read` may have finished.
    file = stream.on('error', () => undefined);
    if (fields.length === 0) done.reject(fieldsComeFirst());
    else done.resolve(read(fields, stream));
  });
  parser.on('error', () => stop.abort(new DomainError('malformed_csv', INCOMPLETE)));
  parser.on('finish', () =>
    done.reject(fileError('missing', 'is required: the CSV file, as the last part of the form')),
  );
  try {
    await pipeline(bytes, parser, { signal: stop.signal });
    stop.signal.throwIfAborted();
  } catch (error) {
    const cause: unknown = stop.signal.aborted ? stop.signal.reason : error;
    file?.destroy(cause instanceof Error ? cause : undefined);
    done.reject(cause);
    await done.promise.catch(() => undefined);
    throw cause;
  }
  return done.promise;
}

const INCOMPLETE = 'The form ended before its final boundary. Nothing was stored; send the upload again.';

const fieldsComeFirst = (): DomainError =>
  fileError('fields_come_first', 'must be the last part of the form, after all other fields');

const fileError = (code: ValidationError['code'], detail: string): DomainError =>
  invalidRequest([bodyError('/file', code, detail)]);

function formParser(contentType: string): BusboyInstance {
  try {
    return Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: (name) => name === 'file',
      limits: { fields: MAX_FIELDS, fieldSize: FIELD_BYTES, files: 1, headerPairs: 50, headerSize: 8_192 },
    });
  } catch {
    throw new DomainError(
      'unsupported_media_type',
      'The multipart form has no boundary. Nothing was stored; send Content-Type: multipart/form-data; boundary=….',
    );
  }
}

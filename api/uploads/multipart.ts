import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { DomainError } from '../../domain/errors.ts';
import { bodyError, type ValidationError, invalidRequest } from '../http/validation-errors.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

/** Each is a text of at most 1 000 characters; a longer one is cut here and refused by its schema. */
const FIELD_BYTES = 8_192;
const FIELDS = 100;

/**
 * A form whose one file is read as it arrives, by `read`, which gets the fields before it. Nothing may follow the file:
 * what is asked for is known before the first line is read. Throws what `read` throws, and then takes no more.
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
  parser.on('filesLimit', () => stop.abort(fileError('too_many_files', 'is there more than once')));
  parser.on('file', (_, stream) => {
    // An error event without a listener ends the process, and the reader may be gone already.
    file = stream.on('error', () => undefined);
    if (fields.length === 0) done.reject(fieldsComeFirst());
    else done.resolve(read(fields, stream));
  });
  parser.on('error', () => stop.abort(new DomainError('malformed_csv', 'the form ends before its last boundary')));
  parser.on('finish', () => done.reject(fileError('missing', 'is not among the parts of the form')));
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

const fieldsComeFirst = (): DomainError =>
  fileError('fields_come_first', 'is not the last part: the parameters come before it, for it is read as it arrives');

const fileError = (code: ValidationError['code'], detail: string): DomainError =>
  invalidRequest([bodyError('/file', code, detail)]);

function formParser(contentType: string): BusboyInstance {
  try {
    return Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: (name) => name === 'file',
      limits: { fields: FIELDS, fieldSize: FIELD_BYTES, files: 1, headerPairs: 50, headerSize: 8_192 },
    });
  } catch {
    throw new DomainError('unsupported_media_type', 'the form has no boundary');
  }
}

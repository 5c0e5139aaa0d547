import { StringDecoder } from 'node:string_decoder';
import { refused } from '../../http/index.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** The objects of NDJSON, one per line. Anything else is refused without its text. */
export async function* objectsOf(bytes: Bytes): AsyncGenerator<Readonly<Record<string, unknown>>> {
  for await (const line of linesOf(bytes)) if (line.trim() !== '') yield parse(line);
}

async function* linesOf(bytes: Bytes): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of bytes) {
    const lines = (rest + decoder.write(Buffer.from(chunk))).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  yield rest + decoder.end();
}

function parse(line: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw refused('file_is_not_ndjson');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused('file_is_not_ndjson');
  return { ...value };
}

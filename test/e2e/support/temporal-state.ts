import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Client } from '@temporalio/client';

/** Everything that Temporal stores about an execution. */
export interface Execution {
  readonly workflowId: string;
  readonly type: string;
  /** All strings and bytes of its history, memo, search attributes, pending activities and summaries. */
  readonly texts: readonly string[];
  /** The contents of its payloads: inputs, outputs, details and attributes. */
  readonly payloads: readonly string[];
}

export async function listExecutions(client: Client): Promise<readonly Execution[]> {
  const found: Execution[] = [];
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    const handle = client.workflow.getHandle(workflowId, runId);
    const state = [await handle.fetchHistory(), (await handle.describe()).raw];
    found.push({ workflowId, type, texts: [workflowId, type, ...textsOf(state)], payloads: payloadsOf(state) });
  }
  return found;
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (isBytes(value)) return [Buffer.from(value).toString('latin1')];
  return isObject(value) ? Object.entries(value).flatMap(([name, inner]) => [name, ...textsOf(inner)]) : [];
}

/** An object is a payload if its metadata names an encoding. */
function payloadsOf(value: unknown): string[] {
  if (!isObject(value) || isBytes(value)) return [];
  const { metadata, data } = value;
  if (isObject(metadata) && 'encoding' in metadata && isBytes(data)) return [Buffer.from(data).toString('utf8')];
  return Object.values(value).flatMap(payloadsOf);
}

/** Reads the database file and the files with the same prefix: the write-ahead log and the server's log. */
export function readDatabaseFiles(dbFile: string): readonly { readonly name: string; readonly bytes: Buffer }[] {
  const names = readdirSync(dirname(dbFile)).filter((name) => name.startsWith(basename(dbFile)));
  return names.flatMap((name) => {
    try {
      return [{ name, bytes: readFileSync(join(dirname(dbFile), name)) }];
    } catch (error) {
      // SQLite removes the journal of a transaction when it ends.
      if (name.endsWith('-journal') && error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  });
}

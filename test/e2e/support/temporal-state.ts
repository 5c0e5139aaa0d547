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

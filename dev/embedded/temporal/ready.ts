import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { searchAttributes } from '../../../workflows/shared/messages.ts';

/** The names of the types in the CLI, and their numbers in the protocol. */
const TYPES = {
  TEXT: { cli: 'Text', code: 1 },
  KEYWORD: { cli: 'Keyword', code: 2 },
  INT: { cli: 'Int', code: 3 },
  DOUBLE: { cli: 'Double', code: 4 },
  BOOL: { cli: 'Bool', code: 5 },
  DATETIME: { cli: 'Datetime', code: 6 },
  KEYWORD_LIST: { cli: 'KeywordList', code: 7 },
} as const;

const keys = Object.values(searchAttributes);

export const searchAttributeFlags = (): string[] =>
  keys.flatMap(({ name, type }) => ['--search-attribute', `${name}=${TYPES[type].cli}`]);

export const searchAttributeCodes = (): Record<string, number> =>
  Object.fromEntries(keys.map(({ name, type }) => [name, TYPES[type].code]));

/** Returns whether the server is ready, which requires the namespace and its search attributes. */
export async function isReady(address: string, namespace = 'default'): Promise<boolean> {
  try {
    const connection = await Connection.connect({ address, connectTimeout: 1_000 });
    try {
      await connection.workflowService.describeNamespace({ namespace });
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      if (keys.every(({ name }) => name in customAttributes)) return true;
    } finally {
      await connection.close();
    }
  } catch {
    // The server is not ready yet.
  }
  await sleep(100);
  return false;
}

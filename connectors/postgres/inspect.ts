import type { Mistake } from '../connector.ts';
import type { Context } from './context.ts';

export async function inspect(_context: Context): Promise<readonly Mistake[]> {
  return [];
}

import type { Mistake } from '../connector.ts';
import type { PostgresSettings } from './data-map.ts';

export function mistakesOf(_settings: PostgresSettings): readonly Mistake[] {
  return [];
}

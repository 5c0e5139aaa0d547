import type { EnvName } from '../connector.ts';
import type { DataMap } from '../data-map/data-map.ts';

export interface PostgresSettings extends DataMap {
  readonly url: EnvName;
  /**
   * Materialized views over mapped tables. Lethe refreshes those under `refresh` after each deletion, in this order. The
   * application refreshes those under `report`, and the receipt lists them.
   */
  readonly materializedViews?: { readonly refresh?: readonly string[]; readonly report?: readonly string[] };
}

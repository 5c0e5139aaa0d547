import type { EnvName } from '../connector.ts';
import type { DataMap, KindMap, TableMap } from '../data-map/data-map.ts';

export interface MariadbSettings extends DataMap {
  readonly url: EnvName;
  /** The database of the tables whose name has none. Lethe keeps its own tables in it, so that both commit together. */
  readonly database: string;
  /** How the connection is encrypted. Omitted: the URL decides, by `?ssl=true`. */
  readonly tls?: {
    /** The certificates that the server's certificate has to come from, in PEM. Omitted: those of the machine. */
    readonly ca?: EnvName;
    /** The client's certificate and key, in PEM. */
    readonly cert?: EnvName;
    readonly key?: EnvName;
  };
}

/** Every table with its database, so that two spellings of a name are one table. */
export function withDatabases(settings: MariadbSettings): MariadbSettings {
  const qualify = (table: string): string => (table.includes('.') ? table : `${settings.database}.${table}`);
  const relationOf = <Link extends { readonly table: string }>(link: Link): Link => ({
    ...link,
    table: qualify(link.table),
  });
  const linksOf = (map: TableMap): Partial<TableMap> => {
    if (map.via !== undefined) return { via: relationOf(map.via) };
    if (map.referencedBy === undefined) return {};
    const sharedWith = map.sharedWith?.map(relationOf);
    return { referencedBy: relationOf(map.referencedBy), ...(sharedWith && { sharedWith }) };
  };
  // Replaces no key by another one, so the result selects its rows as the original does.
  const tableOf = (map: TableMap): TableMap => ({ ...map, table: qualify(map.table), ...linksOf(map) }) as TableMap;
  const kindOf = (map: KindMap): KindMap => ({
    ...map,
    table: qualify(map.table),
    ...(map.aliases && { aliases: relationOf(map.aliases) }),
    ...(map.tables && { tables: map.tables.map(tableOf) }),
  });
  const { kinds, segments, ignore } = settings;
  return {
    ...settings,
    kinds: {
      ...(kinds.user && { user: kindOf(kinds.user) }),
      ...(kinds.company && { company: kindOf(kinds.company) }),
    },
    ...(segments && {
      segments: { ...relationOf(segments), ...(segments.list && { list: relationOf(segments.list) }) },
    }),
    ...(ignore && { ignore: ignore.map(relationOf) }),
  };
}

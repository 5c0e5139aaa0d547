import type { Part } from '../domain/archive.ts';
import type { ExportFormat } from '../domain/vocabulary.ts';

/** Windows reserves these names for devices, with any extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)$/i;
const MAX_LENGTH = 80;

/**
 * Returns the path `data/<system>/<table>.<format>` of each part, or its folder `data/<system>/<table>/` if it has files.
 * Paths are safe to unpack on any system: ASCII, no separators in names, no `..`, no device names, unique without regard
 * to case.
 */
export function assignPaths(parts: readonly Part[], format: ExportFormat): readonly string[] {
  const folders = new Map<string, { name: string; taken: Set<string> }>();
  const takenFolderNames = new Set<string>();
  return parts.map(({ system, facts }) => {
    const folder = folders.get(system) ?? {
      name: makeUnique(sanitize(system), takenFolderNames),
      taken: new Set<string>(),
    };
    folders.set(system, folder);
    const extension = facts.hasFiles === true ? '' : `.${format}`;
    const name = makeUnique(sanitize(facts.table), folder.taken, extension);
    return `data/${folder.name}/${name}${facts.hasFiles === true ? '/' : ''}`;
  });
}

function sanitize(name: string): string {
  const plain = name
    .replaceAll(/[^\w.-]+/g, '_')
    .replaceAll(/\.{2,}/g, '.')
    .slice(0, MAX_LENGTH)
    .replaceAll(/^[.-]+|\.+$/g, '');
  const [stem = ''] = plain.split('.');
  return plain === '' || DEVICE.test(stem) ? `_${plain}` : plain;
}

function makeUnique(wanted: string, taken: Set<string>, extension = ''): string {
  let name = `${wanted}${extension}`;
  for (let number = 2; taken.has(name.toLowerCase()); number += 1) name = `${wanted}-${number}${extension}`;
  taken.add(name.toLowerCase());
  return name;
}

import type { Part } from '../domain/archive.ts';
import type { ExportFormat } from '../domain/vocabulary.ts';

/** Windows opens a device by any of these, whatever stands behind the first full stop. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)$/i;
const LONGEST = 80;

/**
 * A path for each part, in their order: `data/<system>/<table>.<format>`. Made of names that somebody chose in a
 * database, and safe wherever it is unpacked: ASCII, no separator, no `..`, no device, no two that differ by case alone.
 */
export function pathsOf(parts: readonly Part[], format: ExportFormat): readonly string[] {
  const folders = new Map<string, { name: string; taken: Set<string> }>();
  const takenFolders = new Set<string>();
  return parts.map(({ system, facts }) => {
    const folder = folders.get(system) ?? { name: free(safe(system), takenFolders), taken: new Set<string>() };
    folders.set(system, folder);
    return `data/${folder.name}/${free(safe(facts.table), folder.taken)}.${format}`;
  });
}

function safe(name: string): string {
  const plain = name
    .replaceAll(/[^\w.-]+/g, '_')
    .replaceAll(/\.{2,}/g, '.')
    .slice(0, LONGEST)
    .replaceAll(/^[.-]+|\.+$/g, '');
  const [stem = ''] = plain.split('.');
  return plain === '' || DEVICE.test(stem) ? `_${plain}` : plain;
}

function free(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name.toLowerCase()); number += 1) name = `${wanted}-${number}`;
  taken.add(name.toLowerCase());
  return name;
}

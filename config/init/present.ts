import { existsSync } from 'node:fs';
import { type PostgresSettings, settingsOf } from '../../connectors/postgres/index.ts';
import { loadDeployment } from '../deployment.ts';
import type { PolicySettings } from '../settings.ts';
import type { Place } from './file.ts';

/** What an existing configuration file says about one system. */
export interface Present {
  readonly place: Place;
  readonly settings: PostgresSettings;
  readonly policy: PolicySettings;
  /** The file has nothing else, so that a new file can replace it. */
  readonly isAlone: boolean;
}

export type PresentFile =
  | { readonly state: 'missing' }
  /** `reason` says why the file cannot be compared. */
  | { readonly state: 'other'; readonly reason: string }
  | { readonly state: 'found'; readonly present: Present };

/** Reads the data map of a system from a file. Without names, the only system with a PostgreSQL database counts. */
export async function readPresent(file: string, names: Partial<Place>): Promise<PresentFile> {
  if (!existsSync(file)) return { state: 'missing' };
  let deployment;
  try {
    deployment = await loadDeployment(file);
  } catch (error) {
    return { state: 'other', reason: `it cannot be read: ${error instanceof Error ? error.message : 'failed'}` };
  }
  const projects = Object.entries(deployment.projects ?? {});
  const systems = projects.flatMap(([project, { systems: definitions, policy }]) =>
    Object.entries(definitions ?? {}).flatMap(([system, definition]) => {
      const settings = settingsOf(definition);
      return settings === undefined ? [] : [{ place: { project, system }, settings, policy }];
    }),
  );
  const fitting = systems.filter(
    ({ place }) =>
      place.project === (names.project ?? place.project) && place.system === (names.system ?? place.system),
  );
  const [only] = fitting;
  if (only === undefined || fitting.length > 1) {
    const list = systems.map(({ place }) => `${place.project}.${place.system}`).join(', ') || 'none';
    return { state: 'other', reason: `its PostgreSQL systems are: ${list}; choose one with --project and --system` };
  }
  const count = projects.reduce(
    (total, [, { systems: definitions }]) => total + Object.keys(definitions ?? {}).length,
    0,
  );
  return { state: 'found', present: { ...only, isAlone: count === 1 } };
}

import type { ConnectorDefinition, Description, ConfigError } from '../connectors/connector.ts';
import type { SystemEntry, Project } from '../domain/catalog.ts';
import { mistakeIn } from '../domain/retry/pace.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';
import { checkDeadlines, checkExports, readPolicy } from './policy.ts';
import type { ProjectSettings } from './settings.ts';
import { checkUnknownKeys, isObject, joinPath, abilityErrors, namedEntries } from './checks.ts';

interface ProjectResult {
  readonly project: Project | null;
  readonly systems: ReadonlyMap<string, ConnectorDefinition>;
}

/** Reads one project and the descriptions of its systems. `project` is null when its policy is invalid. */
export function readProject(name: string, settings: ProjectSettings, errors: ConfigError[]): ProjectResult {
  const path = `projects.${name}`;
  if (!isObject(settings)) {
    errors.push({ path, message: 'must be an object with policy, directory and systems' });
    return { project: null, systems: new Map() };
  }
  checkUnknownKeys(settings, ['policy', 'directory', 'systems'], path, errors);
  const policy = readPolicy(settings.policy, `${path}.policy`, errors);
  const systems = new Map(namedEntries(settings.systems, `${path}.systems`, errors));
  const described = new Map<string, Description>();
  for (const [system, definition] of systems) {
    const description = describe(definition, `${path}.systems.${system}`, errors);
    if (description === null) continue;
    described.set(system, description);
    for (const message of abilityErrors(description)) errors.push({ path: `${path}.systems.${system}`, message });
    for (const [lane, windows] of Object.entries(description.limits.lanes ?? {})) {
      const message = mistakeIn(windows);
      if (message !== null) errors.push({ path: `${path}.systems.${system}.lanes.${lane}`, message });
    }
  }
  checkDirectory(settings.directory, systems, described, path, errors);
  checkComparisons(described, path, errors);
  if (policy === null) return { project: null, systems };
  const entries = [...described].map(([system, description]) => entryOf(system, description));
  errors.push(...checkDeadlines(policy, entries, `${path}.policy`));
  errors.push(...checkExports(policy, entries, `${path}.policy`));
  return { project: { name, policy, directory: settings.directory, systems: entries }, systems };
}

function describe(definition: ConnectorDefinition, path: string, errors: ConfigError[]): Description | null {
  if (!isObject(definition) || typeof definition.describe !== 'function' || typeof definition.validate !== 'function') {
    errors.push({ path, message: 'is not a connector; use one such as postgres({ … })' });
    return null;
  }
  const found = definition.validate();
  errors.push(
    ...found.map((error) => ({ path: error.path === '' ? path : joinPath(path, error.path), message: error.message })),
  );
  // An invalid system is not compared with the others.
  return found.length > 0 ? null : definition.describe();
}

function checkDirectory(
  directory: unknown,
  systems: ReadonlyMap<string, unknown>,
  described: ReadonlyMap<string, Description>,
  path: string,
  errors: ConfigError[],
): void {
  const known = [...systems.keys()].join(', ');
  if (typeof directory !== 'string' || !systems.has(directory)) {
    errors.push({
      path: `${path}.directory`,
      message: `must name the system that resolves identities; this project has: ${known}`,
    });
  } else if (described.get(directory)?.actions.resolve === false) {
    errors.push({
      path: `${path}.directory`,
      message: `${directory} cannot resolve identities; name a system that can`,
    });
  }
}

/** Checks that an identity type compares alike in all systems. Otherwise a hold could match in one system only (rule 10). */
function checkComparisons(described: ReadonlyMap<string, Description>, path: string, errors: ConfigError[]): void {
  for (const kind of SUBJECT_KINDS) {
    const first = new Map<string, { system: string; match: string }>();
    for (const [system, description] of described) {
      for (const [type, { comparison, parts }] of Object.entries(description.identityTypes[kind] ?? {})) {
        const match = parts === 1 ? comparison : `${comparison} (${parts} values)`;
        const other = first.get(type);
        if (other === undefined) first.set(type, { system, match });
        else if (other.match !== match) {
          const message = `compares the ${kind} identity ${type} as ${match}, but ${other.system} compares it as ${other.match}`;
          errors.push({ path: `${path}.systems.${system}`, message });
        }
      }
    }
  }
}

const entryOf = (name: string, description: Description): SystemEntry => ({
  name,
  kinds: description.kinds,
  identityTypes: description.identityTypes,
  hides: description.actions.hide,
  segments: description.actions.segments,
  exports: description.actions.export,
  counts: description.actions.count,
  suppresses: description.actions.suppress,
  scopes: description.actions.scopes,
  verification: description.verification,
  ...(description.copies === undefined || description.copies.length === 0 ? {} : { copies: description.copies }),
  completesWithinMs: description.completesWithinMs,
  ...(description.limits.lanes === undefined ? {} : { lanes: description.limits.lanes }),
  ...(description.settleMs === undefined ? {} : { settleMs: description.settleMs }),
  dataMapHash: description.dataMapHash,
});

import type { ConnectorDefinition, Description, ConfigError } from '../connectors/connector.ts';
import type { SystemEntry, Project } from '../domain/catalog.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';
import { checkDeadlines, checkExports, readPolicy } from './policy.ts';
import type { ProjectSettings } from './settings.ts';
import { at, isObject, mapOf, unknownKeys } from './shape.ts';

interface Read {
  readonly project: Project | null;
  readonly systems: ReadonlyMap<string, ConnectorDefinition>;
}

/** One project, with what its systems say of themselves; `project` is null where a rule could not be read. */
export function readProject(name: string, settings: ProjectSettings, errors: ConfigError[]): Read {
  const path = `projects.${name}`;
  if (!isObject(settings)) {
    errors.push({ path, message: 'must be an object with policy, directory and systems' });
    return { project: null, systems: new Map() };
  }
  unknownKeys(settings, ['policy', 'directory', 'systems'], path, errors);
  const policy = readPolicy(settings.policy, `${path}.policy`, errors);
  const systems = new Map(mapOf(settings.systems, `${path}.systems`, errors));
  const described = new Map<string, Description>();
  for (const [system, definition] of systems) {
    const description = describe(definition, `${path}.systems.${system}`, errors);
    if (description !== null) described.set(system, description);
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
    errors.push({ path, message: 'is no system: use a connector such as postgres({ … })' });
    return null;
  }
  const own = definition.validate();
  errors.push(
    ...own.map((error) => ({ path: error.path === '' ? path : at(path, error.path), message: error.message })),
  );
  // What is wrong in itself cannot be compared with others.
  return own.length > 0 ? null : definition.describe();
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
      message: `must name the system that knows which identities exist: ${known}`,
    });
  } else if (described.get(directory)?.actions.resolve === false) {
    errors.push({ path: `${path}.directory`, message: `${directory} cannot tell which identities exist` });
  }
}

/** One type compares one way in a project, or a hold placed for one system would miss the other (rule 10). */
function checkComparisons(described: ReadonlyMap<string, Description>, path: string, errors: ConfigError[]): void {
  for (const kind of SUBJECT_KINDS) {
    const first = new Map<string, { system: string; words: string }>();
    for (const [system, description] of described) {
      for (const [type, { comparison, parts }] of Object.entries(description.identityTypes[kind] ?? {})) {
        const words = `${comparison}, ${parts} value(s)`;
        const other = first.get(type);
        if (other === undefined) first.set(type, { system, words });
        else if (other.words !== words) {
          const message = `compares ${kind} identity ${type} as ${words}; ${other.system} as ${other.words}`;
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
  verification: description.verification,
  completesWithinMs: description.completesWithinMs,
  ...(description.limits.spacingMs === undefined ? {} : { spacingMs: description.limits.spacingMs }),
  dataMapHash: description.dataMapHash,
});

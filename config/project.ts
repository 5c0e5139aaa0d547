import type { ConnectorDefinition, Description, ConfigError } from '../connectors/connector.ts';
import type { ProcessorEntry, Project } from '../domain/catalog.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';
import { checkDeadlines, checkExports, readPolicy } from './policy.ts';
import type { ProjectSettings } from './settings.ts';
import { at, isObject, mapOf, unknownKeys } from './shape.ts';

interface Read {
  readonly project: Project | null;
  readonly processors: ReadonlyMap<string, ConnectorDefinition>;
}

/** One project, with what its processors say of themselves; `project` is null where a rule could not be read. */
export function readProject(name: string, settings: ProjectSettings, errors: ConfigError[]): Read {
  const path = `projects.${name}`;
  if (!isObject(settings)) {
    errors.push({ path, message: 'must be an object with policy, directory and processors' });
    return { project: null, processors: new Map() };
  }
  unknownKeys(settings, ['policy', 'directory', 'processors'], path, errors);
  const policy = readPolicy(settings.policy, `${path}.policy`, errors);
  const processors = new Map(mapOf(settings.processors, `${path}.processors`, errors));
  const described = new Map<string, Description>();
  for (const [processor, definition] of processors) {
    const description = describe(definition, `${path}.processors.${processor}`, errors);
    if (description !== null) described.set(processor, description);
  }
  checkDirectory(settings.directory, processors, described, path, errors);
  checkComparisons(described, path, errors);
  if (policy === null) return { project: null, processors };
  const entries = [...described].map(([processor, description]) => entryOf(processor, description));
  errors.push(...checkDeadlines(policy, entries, `${path}.policy`));
  errors.push(...checkExports(policy, entries, `${path}.policy`));
  return { project: { name, policy, directory: settings.directory, processors: entries }, processors };
}

function describe(definition: ConnectorDefinition, path: string, errors: ConfigError[]): Description | null {
  if (!isObject(definition) || typeof definition.describe !== 'function' || typeof definition.validate !== 'function') {
    errors.push({ path, message: 'is no processor: use a connector such as postgres({ … })' });
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
  processors: ReadonlyMap<string, unknown>,
  described: ReadonlyMap<string, Description>,
  path: string,
  errors: ConfigError[],
): void {
  const known = [...processors.keys()].join(', ');
  if (typeof directory !== 'string' || !processors.has(directory)) {
    errors.push({
      path: `${path}.directory`,
      message: `must name the processor that knows which identities exist: ${known}`,
    });
  } else if (described.get(directory)?.actions.resolve === false) {
    errors.push({ path: `${path}.directory`, message: `${directory} cannot tell which identities exist` });
  }
}

/** One type compares one way in a project, or a hold placed for one processor would miss the other (rule 10). */
function checkComparisons(described: ReadonlyMap<string, Description>, path: string, errors: ConfigError[]): void {
  for (const kind of SUBJECT_KINDS) {
    const first = new Map<string, { processor: string; words: string }>();
    for (const [processor, description] of described) {
      for (const [type, { comparison, parts }] of Object.entries(description.identityTypes[kind] ?? {})) {
        const words = `${comparison}, ${parts} value(s)`;
        const other = first.get(type);
        if (other === undefined) first.set(type, { processor, words });
        else if (other.words !== words) {
          const message = `compares ${kind} identity ${type} as ${words}; ${other.processor} as ${other.words}`;
          errors.push({ path: `${path}.processors.${processor}`, message });
        }
      }
    }
  }
}

const entryOf = (name: string, description: Description): ProcessorEntry => ({
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

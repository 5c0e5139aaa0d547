import { z } from '@hono/zod-openapi';
import { identityTypesOf, type Project } from '../../../../domain/catalog.ts';
import { REQUEST_KINDS } from '../../../../domain/vocabulary.ts';
import { ERRORS_SHOWN, type ValidationError } from '../../../http/validation-errors.ts';
import { identityErrors, type SentIdentity } from '../../../identities.ts';
import { identity, kind } from '../../../schemas.ts';
import { selectionErrors, selectionOf, termErrors } from './parse.ts';
import { DeletionSubjects, FieldsOfBoth } from './schema.ts';

const Parts = z.record(z.string(), z.unknown()).catch({});
const Identities = z.array(z.unknown()).catch([]);

/** Undefined if the value is missing or malformed. */
const read = <Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> | undefined =>
  schema.safeParse(value).data;

/**
 * The errors of a malformed body that depend on the project, as far as its fields are valid on their own. With the errors of
 * its schema, one response then lists every error.
 */
export function errorsOfValidParts(project: Project, body: unknown): readonly ValidationError[] {
  const sent = Parts.parse(body);
  const sentSubjects = Parts.parse(sent['subjects']);
  const { regulation, scope, suppress, exportFirst, onConflict, confirm } = FieldsOfBoth.shape;
  const terms = {
    kind: read(z.enum(REQUEST_KINDS), sent['kind']),
    subjectKind: read(kind, sentSubjects['kind']),
    regulation: read(regulation, sent['regulation']),
    scope: read(scope, sent['scope']),
    suppress: read(suppress, sent['suppress']),
    exportFirst: read(exportFirst, sent['exportFirst']),
    onConflict: read(onConflict, sent['onConflict']),
    confirm: read(confirm, sent['confirm']),
  };
  const errors = termErrors(project, terms);
  const subjects = read(DeletionSubjects, sent['subjects']);
  if (subjects !== undefined) {
    errors.push(...selectionErrors(project, { ...terms, subjects }));
    selectionOf(project, subjects, errors);
  } else if (terms.subjectKind !== undefined) {
    const types = identityTypesOf(project, terms.subjectKind);
    for (const [index, one] of validIdentities(Identities.parse(sentSubjects['identities'])))
      errors.push(...identityErrors(types, one, `/subjects/identities/${index}`));
  }
  return errors;
}

/** Ends after as many malformed identities as a response lists: a large body may contain nothing else. */
function* validIdentities(sent: readonly unknown[]): Iterable<readonly [number, SentIdentity]> {
  let malformed = 0;
  for (const [index, value] of sent.entries()) {
    const one = read(identity, value);
    if (one !== undefined) yield [index, one];
    else if (++malformed === ERRORS_SHOWN) return;
  }
}

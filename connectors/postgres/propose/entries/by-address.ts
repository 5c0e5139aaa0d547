import { type Column, columnOf, isMappable } from '../catalog/snapshot.ts';
import { isEmailLike } from '../names/column-kinds.ts';
import { holdsPersonsByAddress } from '../names/table-kinds.ts';
import { answerOf } from '../sample/sample.ts';
import { addressQuestionId, textQuestionId } from '../sample/column-statements.ts';
import type { Samples } from '../sample/sample.ts';
import type { Draft, Survey } from './draft.ts';

/** The share of addresses of subjects above which a table holds rows of subjects. */
const NEEDED = 0.3;

/** Tables without the key whose rows belong to a person by the email address, such as a newsletter. */
export function addressDrafts(survey: Survey, drafts: readonly Draft[]): readonly Draft[] {
  const { email } = survey;
  if (email === null) return [];
  // Rows of others that only refer to the subject can still hold the address of a subject, such as an invitation.
  const mapped = new Set([
    survey.subject.table.name,
    ...drafts.filter(({ effect }) => effect !== 'detach').map(({ table }) => table),
  ]);
  return [...survey.snapshot.tables.values()]
    .filter((table) => isMappable(table) && !mapped.has(table.name))
    .flatMap((table) => {
      const [column] = table.columns.filter((each) => isAddress(table.name, each, survey.samples));
      if (column === undefined || !email.others.every((name) => columnOf(table, name) !== undefined)) return [];
      const evidence = answerOf(survey.samples, addressQuestionId(table.name, column.name));
      const isKnown = evidence !== undefined && evidence.sampled > 0;
      const share = isKnown ? evidence.matched / evidence.sampled : 0;
      if (share < NEEDED && !holdsPersonsByAddress(table.name)) return [];
      return [
        {
          table: table.name,
          link: {
            by: 'address' as const,
            columns: [column.name, ...email.others],
            matched: isKnown ? evidence : undefined,
          },
          effect: 'delete' as const,
          questions: [],
        },
      ];
    });
}

/** By its name, or because most of its sampled values look like one. */
export function isAddress(table: string, column: Column, samples: Samples): boolean {
  if (isEmailLike(column)) return true;
  const texts = answerOf(samples, textQuestionId(table), `email ${column.name}`);
  return texts !== undefined && texts.sampled >= 3 && texts.matched / texts.sampled >= 0.8;
}

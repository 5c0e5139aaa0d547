import { z } from '@hono/zod-openapi';
import type { RequestStatus } from '../../../db/requests/read.ts';
import { instant } from '../../schemas.ts';

const ProcessorCount = z.strictObject({
  processor: z.string(),
  tables: z
    .array(z.strictObject({ table: z.string(), rows: z.int() }))
    .nullable()
    .openapi({ description: 'Null: the processor cannot say.' }),
});

export const Confirmation = z
  .strictObject({
    needs: z
      .enum(['member', 'another_owner'])
      .openapi({ description: 'Any member who may write, or an owner other than the one who submitted it.' }),
    until: instant.nullable().openapi({ description: 'Three days after the count; null while it is still counted.' }),
    subjects: z
      .int()
      .nullable()
      .openapi({ description: 'The `expectedCount` that would be accepted now, or that was; null: not known yet.' }),
    counts: z
      .array(ProcessorCount)
      .openapi({ description: 'Rows as they were counted. Subjects that were cancelled since are not taken off.' }),
    except: z
      .strictObject({
        submitted: z.int(),
        unmatched: z.array(z.int()).openapi({
          description: 'Positions of the exceptions that matched nobody, once resolved: they spare nobody.',
        }),
      })
      .nullable(),
    confirmedAt: instant.nullable(),
    confirmedBy: z.string().nullable(),
  })
  .openapi('Confirmation');

/** What has to be known before somebody says yes, and afterwards who did. */
export function confirmationResponse(status: RequestStatus) {
  if (!status.confirm) return null;
  const waiting = status.resolvedAt === null ? null : (status.states.proposed ?? 0);
  return {
    needs: status.selection === 'everyone' ? ('another_owner' as const) : ('member' as const),
    until: status.confirmBy,
    subjects: status.confirmedCount ?? waiting,
    counts: status.counts.map(({ processor, tables }) => ({
      processor,
      tables: tables?.map(({ table, rows }) => ({ table, rows })) ?? null,
    })),
    except: status.excepted === 0 ? null : { submitted: status.excepted, unmatched: [...status.unmatched] },
    confirmedAt: status.confirmedAt,
    confirmedBy: status.confirmedBy,
  };
}

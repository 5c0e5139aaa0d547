import { z } from '@hono/zod-openapi';
import { OUTAGE_CODES, SYSTEM_STATES } from '../../../domain/vocabulary.ts';
import { OUTAGE_DESCRIPTION, SYSTEM_STATE_DESCRIPTION } from '../../openapi/descriptions.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { projectName, reason, timestamp } from '../../schemas.ts';

const name = z.string().openapi({
  description: 'Name of the system in lethe.config.ts. `lethe` is the archive storage.',
  'x-example': 'app',
});

const Outage = z.strictObject({
  code: z.enum(OUTAGE_CODES).openapi({ description: OUTAGE_DESCRIPTION }),
  since: timestamp.openapi({ description: 'Time of the first failed call.' }),
  nextProbeAt: timestamp.nullable().openapi({ description: 'Time of the next probe.' }),
  remedy: z.string().openapi({ description: 'What an operator can do.' }),
});

const Pause = z.strictObject({
  since: timestamp.openapi({ description: 'Time at which an operator paused the system.' }),
  reason: z.string().openapi({ description: 'Reason of the operator.', 'x-example': 'ticket 4711' }),
  pausedBy: z.string().openapi({ description: 'ID of the member who paused it.', 'x-example': SAMPLE.member }),
});

const Lane = z.strictObject({
  name: z.string().openapi({ description: 'Name of the lane.', 'x-example': 'erase' }),
  windows: z
    .array(
      z.strictObject({
        calls: z.int().openapi({ description: 'Number of calls that the window allows.', 'x-example': 500 }),
        perMs: z.int().openapi({ description: 'Length of the window in milliseconds.', 'x-example': 86_400_000 }),
        used: z.int().openapi({ description: 'Calls that count in the window now, also reserved ones.' }),
      }),
    )
    .readonly()
    .openapi({ description: 'Windows of the lane, which all workers keep together.' }),
  waiting: z.int().openapi({ description: 'Calls that are reserved for a later time.' }),
  postponedUntil: timestamp.nullable().openapi({
    description: 'Time before which no call starts, because the system asked for it. Null if it has not.',
    'x-example': null,
  }),
});

/** A system, as callers see it. */
export const System = z
  .strictObject({
    name,
    state: z.enum(SYSTEM_STATES).openapi({ description: SYSTEM_STATE_DESCRIPTION }),
    outage: Outage.nullable().openapi({
      description: 'Null unless every call of the system fails.',
      'x-example': null,
    }),
    pause: Pause.nullable().openapi({
      description: 'Null unless an operator has paused the system.',
      'x-example': null,
    }),
    waitingRequests: z.int().openapi({ description: 'Number of requests that wait for the system.' }),
    lanes: z.array(Lane).readonly().openapi({ description: 'Rate limits of the system.' }),
  })
  .openapi('System');

export const params = z.object({
  name: z.string().openapi({
    param: { name: 'name', in: 'path', description: 'Name of the system.' },
    maxLength: 200,
    'x-example': 'app',
  }),
});

export const Decision = z.strictObject({ project: projectName, reason });

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Identity, LetheProblem, type NewDeletion, type NewExport, letheClient } from '../../client/index.ts';
import { PROJECT, type Stack } from './stack.ts';

type NewRequest = Omit<NewDeletion, 'project' | 'regulation'> | Omit<NewExport, 'project' | 'regulation'>;

/** A call is repeated for so long, which is longer than any fault. */
const PATIENCE_MS = 90_000;
const ANSWER_WITHIN_MS = 10_000;
/** A worker that is killed leaves its steps to others after their timeout. */
const COUNTED_WITHIN_MS = 300_000;

/** What the answer to a cancel reported. `unknown`: an earlier try, whose answer was lost, may have ended the request. */
export type Cancelled = { readonly tooLate: readonly number[] } | 'unknown';

/** A careful caller: repeats each call that got no answer or an answer that invites a repetition. */
export function createCaller({ apiUrl, token }: Pick<Stack, 'apiUrl' | 'token'>) {
  const lethe = letheClient({ url: apiUrl, token });
  /** Answers 500, which no fault excuses, by the id of the log line. */
  const internalErrors: string[] = [];

  async function repeatUntilAnswered<T>(call: (options: { signal: AbortSignal }) => Promise<T>): Promise<T> {
    for (const end = Date.now() + PATIENCE_MS; ; await sleep(200)) {
      try {
        return await call({ signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      } catch (error) {
        if (error instanceof LetheProblem && error.status === 500) internalErrors.push(error.problem.instance);
        if (!isTransient(error) || Date.now() > end) throw error;
      }
    }
  }

  return {
    internalErrors,
    async submit(request: NewRequest): Promise<string> {
      const input = { idempotencyKey: randomUUID(), body: { ...request, project: PROJECT, regulation: 'gdpr' } };
      return (await repeatUntilAnswered((options) => lethe.createRequest(input, options))).id;
    },
    async cancel(id: string, positions?: number[]): Promise<Cancelled> {
      try {
        const body = positions === undefined ? {} : { positions };
        return await repeatUntilAnswered((options) => lethe.cancelRequest({ id, body }, options));
      } catch (error) {
        if (error instanceof LetheProblem && error.status === 409) return 'unknown';
        throw error;
      }
    },
    /** `ask`: no open request has matched yet, or the deletion has ended. */
    async hold(identities: Identity[], caseRef: string): Promise<{ id: string; verdict: 'held' | 'deleted' | 'ask' }> {
      const body = { project: PROJECT, kind: 'user' as const, identities, caseRef, heldBy: 'drill' };
      const { id, matching, tooLate } = await repeatUntilAnswered((options) => lethe.placeHold({ body }, options));
      return { id, verdict: tooLate.length > 0 ? 'deleted' : matching.length > 0 ? 'held' : 'ask' };
    },
    async release(id: string): Promise<void> {
      try {
        await repeatUntilAnswered((options) => lethe.releaseHold({ id }, options));
      } catch (error) {
        // An earlier try, whose answer was lost, has released it.
        if (!(error instanceof LetheProblem && [404, 409].includes(error.status))) throw error;
      }
    },
    async suppress(identity: Identity): Promise<string> {
      const body = { project: PROJECT, kind: 'user' as const, identity };
      return (await repeatUntilAnswered((options) => lethe.placeSuppression({ body }, options))).id;
    },
    async lift(identity: Identity): Promise<void> {
      const body = { project: PROJECT, kind: 'user' as const, identity };
      try {
        await repeatUntilAnswered((options) => lethe.liftSuppression({ body }, options));
      } catch (error) {
        if (!(error instanceof LetheProblem && error.status === 404)) throw error;
      }
    },
    /** Expedites the request unless an earlier try, whose answer was lost, has done so and the request has ended. */
    async expedite(id: string): Promise<void> {
      try {
        const body = { when: 'now' as const, reason: 'drill' };
        await repeatUntilAnswered((options) => lethe.expediteRequest({ id, body }, options));
      } catch (error) {
        if (!(error instanceof LetheProblem && error.status === 409)) throw error;
      }
    },
    /** Waits for the count of a request with `confirm`. */
    async countedSubjects(id: string): Promise<number> {
      for (const end = Date.now() + COUNTED_WITHIN_MS; Date.now() < end; await sleep(150)) {
        const { status, confirmation } = await repeatUntilAnswered((options) => lethe.getRequest({ id }, options));
        const count = confirmation?.subjects ?? null;
        if (status === 'awaiting_confirmation' && count !== null) return count;
      }
      throw new Error(`${id} was not counted in time`);
    },
    async confirm(id: string, expectedCount: number): Promise<void> {
      try {
        await repeatUntilAnswered((options) => lethe.confirmRequest({ id, body: { expectedCount } }, options));
      } catch (error) {
        // An earlier try, whose answer was lost, has confirmed it.
        if (!(error instanceof LetheProblem && error.code === 'not_awaiting_confirmation')) throw error;
      }
    },
    receipt: (id: string) => repeatUntilAnswered((options) => lethe.getReceipt({ id }, options)),
    status: (id: string) => repeatUntilAnswered((options) => lethe.getRequest({ id }, options)),
  };
}
export type Caller = ReturnType<typeof createCaller>;

const isTransient = (error: unknown): boolean =>
  !(error instanceof LetheProblem) ||
  error.status >= 500 ||
  error.status === 429 ||
  error.code === 'idempotency_key_in_use';

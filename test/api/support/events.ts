import type { Answer, TestApi } from './api.ts';

export const CSV = { Accept: 'text/csv' };

/** An audit event as the API returns it. */
export interface Event {
  readonly id: number;
  readonly at: string;
  readonly requestId: string | null;
  readonly actor: string;
  readonly actorName: string | null;
  readonly action: string;
  readonly detail: Record<string, unknown>;
}

export const eventsOf = (answer: Answer) => (answer.json as { items: readonly Event[] }).items;
export const activity = async (api: TestApi, query = '', headers: Record<string, string> = {}) =>
  eventsOf(await api.call('GET', `/v1/activity?limit=200&${query}`, undefined, headers));
export const log = async (api: TestApi, id: string) => eventsOf(await api.call('GET', `/v1/requests/${id}/log`));
export const actions = (events: readonly Event[]) => events.map(({ action }) => action);

import type { StandInServer, ServerOptions } from './server.ts';

/** A person of the set that a test or the demo gives to every system. */
export interface Person {
  /** The customer's own id, such as `u-1`. */
  readonly id: string;
  readonly email?: string;
  readonly phone?: string;
  readonly company?: string;
  readonly traits?: Readonly<Record<string, unknown>>;
}

export interface PeopleOptions extends ServerOptions {
  readonly people: readonly Person[];
}

/** What every stand-in of a system offers beside its server. */
export interface SystemStandIn extends StandInServer {
  /** The ids of the people that the system still holds, in order. */
  present(): readonly string[];
  /** Adds a person, or what the system collects about one that it had deleted. */
  add(person: Person): void;
}

/** Basic authentication as a header has it. */
export const basic = (user: string, secret: string): string =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

/** The texts of a JSON array. Null for anything else, and for an array with something else in it. */
export function textsOf(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  const texts = value.filter((entry) => typeof entry === 'string');
  return texts.length === value.length ? texts : null;
}

/** The members of a JSON object. Empty for anything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** A text of a request body, or the default when it is missing. Empty for anything else. */
export const textOf = (value: unknown, byDefault = ''): string =>
  typeof value === 'string' ? value : value === undefined ? byDefault : '';

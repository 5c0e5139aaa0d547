/** Numbers of entries by the name of the objects. */
export type Figures = ReadonlyMap<string, number>;
/** The figures of each subject of a range, by `seq`. */
export type Ticket = ReadonlyMap<number, Figures>;

/** A ticket has numbers and names of the configuration only. */
export const writeTicket = (counted: Ticket): string =>
  JSON.stringify(
    Array.from(counted, ([seq, figures]) => [seq, Object.fromEntries(figures)] as const).filter(
      ([, figures]) => Object.keys(figures).length > 0,
    ),
  );

export function readTicket(text: string): Ticket {
  const subjects = JSON.parse(text) as readonly (readonly [seq: number, figures: Readonly<Record<string, number>>])[];
  return new Map(subjects.map(([seq, figures]) => [seq, new Map(Object.entries(figures))]));
}

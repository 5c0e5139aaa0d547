export type Activities = Readonly<Record<string, (input: never) => Promise<unknown>>>;

/** Every activity of a set, run inside what is put around it. */
export function around<T extends Activities>(
  activities: T,
  wrapped: <Result>(activity: () => Promise<Result>, input: unknown) => Promise<Result>,
): T {
  const all = Object.entries(activities).map(([name, activity]) => [
    name,
    (input: never) => wrapped(() => activity(input), input),
  ]);
  return Object.fromEntries(all) as T;
}

/** At most `calls` in any period of `perMs`. `{ calls: 1, perMs: 2_000 }` is a spacing of two seconds. */
export interface Window {
  readonly calls: number;
  readonly perMs: number;
}

/** The spacing between two calls that keeps every window. Null without windows. */
export const spacingOf = (windows: readonly Window[]): number | null =>
  windows.length === 0 ? null : Math.max(...windows.map(({ calls, perMs }) => perMs / calls));

/** The windows of each lane of a system: calls that share their limits. A call has to fit into all windows of its lane. */
export type Lanes = Readonly<Record<string, readonly Window[]>>;

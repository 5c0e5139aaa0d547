import type { AppEnv } from '../deps.ts';

/** The connection to whoever downloads. */
export interface Line {
  /** True once all of the answer has left for the network; false when the connection has gone before that. */
  readonly ended: Promise<boolean>;
  /** Ends it as if the caller had, so that no text of an error takes the place of what was not sent. */
  cut(): void;
}

/** Null where there is none: the app is asked within a process. */
export function lineOf({ incoming, outgoing }: AppEnv['Bindings'] = {}): Line | null {
  if (outgoing === undefined) return null;
  const ended = new Promise<boolean>((resolve) => {
    outgoing.once('close', () => resolve(outgoing.writableFinished));
    if (outgoing.destroyed) resolve(false);
  });
  return { ended, cut: () => incoming?.socket.destroy?.() };
}

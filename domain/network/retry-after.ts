/** The milliseconds that a `Retry-After` asks for: a number of seconds, or a date. 0 without a valid one. */
export function retryAfterMs(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const waitMs = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(waitMs) ? 0 : Math.max(0, waitMs);
}

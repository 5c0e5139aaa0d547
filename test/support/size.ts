import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether this is `npm run test:large`. */
    large: boolean;
  }
}

/** Returns the large size for `npm run test:large`, otherwise the small one. */
export const sized = <T>(small: T, large: T): T => (inject('large') ? large : small);

/** Formats 50000 as `50 000`, for test titles. */
export const withThousandSpaces = (count: number): string => String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ' ');

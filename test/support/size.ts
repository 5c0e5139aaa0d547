import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether this is `npm run test:large`. */
    large: boolean;
  }
}

/** `npm run test:large` uses the large size, every other run the small one. */
export const sized = <T>(small: T, large: T): T => (inject('large') ? large : small);

/** As titles write it: 50 000. */
export const spaced = (count: number): string => String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ' ');

import { registerHooks } from 'node:module';

/** As `exports` of package.json. */
const ENTRIES: Readonly<Record<string, string>> = {
  'lethe/config': new URL('./index.ts', import.meta.url).href,
  'lethe/catalogue': new URL('../connectors/catalogue/index.ts', import.meta.url).href,
};
const REPOSITORY = new URL('../', import.meta.url).href;

let isRegistered = false;

/**
 * Lets a configuration file in any folder import `lethe/config` and `lethe/catalogue` from this repository. TypeScript
 * there is read as ES modules, as here, even if the folder has no package.json. Idempotent.
 */
export function registerOwnPackage(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = ENTRIES[specifier];
      if (url !== undefined) return { url, format: 'module-typescript', shortCircuit: true };
      const resolved = nextResolve(specifier, context);
      const hasNoType = resolved.format === undefined || resolved.format === null;
      const isOutside = !resolved.url.startsWith(REPOSITORY) && !resolved.url.includes('/node_modules/');
      const format = resolved.url.endsWith('.ts') ? 'module-typescript' : 'module';
      return hasNoType && isOutside && /^file:.*\.[jt]s$/.test(resolved.url) ? { ...resolved, format } : resolved;
    },
  });
}

import { registerHooks } from 'node:module';

const ENTRY = new URL('./index.ts', import.meta.url).href;
const REPOSITORY = new URL('../', import.meta.url).href;

let isRegistered = false;

/**
 * Lets a configuration file in any folder import `lethe/config` from this repository. TypeScript there is read as ES
 * modules, as here, even if the folder has no package.json. Idempotent.
 */
export function registerOwnPackage(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === 'lethe/config') return { url: ENTRY, format: 'module-typescript', shortCircuit: true };
      const resolved = nextResolve(specifier, context);
      const hasNoType = resolved.format === undefined || resolved.format === null;
      const isOutside = !resolved.url.startsWith(REPOSITORY) && !resolved.url.includes('/node_modules/');
      const format = resolved.url.endsWith('.ts') ? 'module-typescript' : 'module';
      return hasNoType && isOutside && /^file:.*\.[jt]s$/.test(resolved.url) ? { ...resolved, format } : resolved;
    },
  });
}

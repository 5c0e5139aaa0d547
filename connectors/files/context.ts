import type { FilesSettings } from './settings.ts';
import type { Store } from './store/store.ts';

/** An opened system. Every verb takes it as its first argument. */
export interface Context {
  readonly settings: FilesSettings;
  readonly store: Store;
}

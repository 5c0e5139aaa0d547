import { fileURLToPath } from 'node:url';
import type { Connector, ConnectorDefinition, OpenContext } from '../connector.ts';
import { bucketStore } from './store/bucket.ts';
import type { Context } from './context.ts';
import { count, verify } from './count.ts';
import { describe } from './describe.ts';
import { exportBatch } from './export.ts';
import { folderStore } from './store/folder.ts';
import { hardDelete } from './hard-delete.ts';
import type { FilesSettings } from './settings.ts';
import type { Store } from './store/store.ts';
import { urlError, validateSettings } from './validate-settings.ts';

export type { FilesKind, FilesObjects, FilesSettings } from './settings.ts';

/** Objects in a folder or a bucket as a system: the keys contain an identity. See docs/connectors/files.md. */
export const files = (settings: FilesSettings): ConnectorDefinition => ({
  describe: () => describe(settings),
  validate: () => validateSettings(settings),
  open: (context) => openFiles(settings, context),
});

export function openFiles(settings: FilesSettings, open: OpenContext): Connector {
  const context: Context = { settings, store: openStore(settings, open) };
  const { store } = context;
  return {
    inspect: () => store.inspect(),
    count: (batch, _scope, activity) => count(context, batch, activity),
    export: (batch, options, activity) => exportBatch(context, batch, options, activity),
    hardDelete: (batch, deletion, activity) => hardDelete(context, batch, deletion, activity),
    verify: (batch, _scope, activity) => verify(context, batch, activity),
    close: async () => store.close(),
  };
}

function openStore({ at, credentials }: FilesSettings, { secret }: OpenContext): Store {
  const text = typeof at === 'string' ? at : secret(at);
  const owner = typeof at === 'string' ? 'at' : at.env;
  const error = urlError(text);
  if (error !== null) throw new Error(`${owner}: ${error}`);
  const url = new URL(text);
  if (url.protocol === 'file:') return folderStore(fileURLToPath(url));
  if (credentials === undefined) return bucketStore(url, { owner });
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return bucketStore(url, {
    owner,
    credentials: {
      accessKeyId: secret(accessKeyId),
      secretAccessKey: secret(secretAccessKey),
      ...(sessionToken !== undefined && { sessionToken: secret(sessionToken) }),
    },
  });
}

import { type FaultyCall, type FaultyServer, type Reply, startFaultyServer } from '../../../support/servers/faulty.ts';

export interface Contact {
  readonly email: string;
  readonly city: string;
  isPaused: boolean;
}
export interface Newsletter {
  readonly server: FaultyServer;
  readonly contacts: Map<string, Contact>;
  readonly suppressed: Set<string>;
  /** The ids of deleted contacts, once for each deletion that was done. */
  readonly deletions: string[];
}

/** The service of the example: searches many contacts and deletes one at a time. Does a call with a known key only once. */
export async function startNewsletter(contacts: Readonly<Record<string, string>>, token: string): Promise<Newsletter> {
  const server = await startFaultyServer();
  const replies = new Map<string, Reply>();
  const newsletter: Newsletter = {
    server,
    contacts: new Map(
      Object.entries(contacts).map(([id, email]) => [id, { email, city: `city of ${id}`, isPaused: false }]),
    ),
    suppressed: new Set(),
    deletions: [],
  };
  server.reply = (call) => {
    if (call.headers['authorization'] !== `Bearer ${token}`) return { status: 401, json: { error: 'unauthorized' } };
    const key = call.headers['idempotency-key'];
    const known = key === undefined ? undefined : replies.get(key);
    if (known !== undefined) return known;
    const reply = answer(newsletter, call);
    if (key !== undefined) replies.set(key, reply);
    return reply;
  };
  return newsletter;
}

const DONE: Reply = { status: 204 };
const MISSING: Reply = { status: 404, json: { error: 'not found' } };

function answer({ contacts, suppressed, deletions }: Newsletter, { method, path, body }: FaultyCall): Reply {
  const [, , resource, name = '', action] = path.split('/').map(decodeURIComponent);
  if (resource === 'account') return { status: 200, json: { name: 'shop' } };
  if (resource === 'suppressions') {
    if (method === 'PUT') suppressed.add(name);
    else suppressed.delete(name);
    return DONE;
  }
  if (name === 'search') return { status: 200, json: { contacts: search(contacts, body) } };
  const contact = contacts.get(name);
  if (contact === undefined) return MISSING;
  if (action === 'pause') {
    contact.isPaused = method === 'PUT';
    return DONE;
  }
  if (method === 'GET') return { status: 200, json: { id: name, email: contact.email, city: contact.city } };
  contacts.delete(name);
  deletions.push(name);
  return DONE;
}

function search(contacts: ReadonlyMap<string, Contact>, body: string): unknown[] {
  const { emails } = JSON.parse(body) as { readonly emails: readonly string[] };
  const wanted = emails.map((email) => email.toLowerCase());
  return [...contacts].flatMap(([id, { email }]) => (wanted.includes(email.toLowerCase()) ? [{ id, email }] : []));
}

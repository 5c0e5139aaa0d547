/** Bodies that are worth more than one example, by the name of their schema. */
export const BODIES: Readonly<Record<string, Readonly<Record<string, { summary: string; value: unknown }>>>> = {
  NewRequest: {
    identities: {
      summary: 'Two people, by what they are called',
      value: {
        project: 'demo',
        kind: 'deletion',
        regulation: 'gdpr',
        subjects: {
          kind: 'user',
          identities: [
            { type: 'user_id', value: 'u-17' },
            { type: 'email', value: ['ann@x.test', 'berlin'] },
          ],
        },
      },
    },
    export: {
      summary: 'What is held on one person, and a colleague who is told when it is ready',
      value: {
        project: 'demo',
        kind: 'export',
        regulation: 'gdpr',
        subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'u-17' }] },
        notify: 'privacy@shop.test',
      },
    },
    exportFirst: {
      summary: 'One person, deleted only when what is held has been exported',
      value: {
        project: 'demo',
        kind: 'deletion',
        regulation: 'gdpr',
        subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'u-17' }] },
        exportFirst: true,
      },
    },
    segment: {
      summary: 'A segment, at the next run, and never collected again',
      value: {
        project: 'demo',
        kind: 'deletion',
        regulation: 'ccpa',
        subjects: { kind: 'user', segment: 'left-in-2019' },
        suppress: true,
        expedite: { when: 'next_run', reason: 'ticket 4711' },
      },
    },
    everyone: {
      summary: 'Everyone but one, once another owner has confirmed the count',
      value: {
        project: 'demo',
        kind: 'deletion',
        regulation: 'gdpr',
        subjects: { kind: 'user', everyone: true, except: [{ type: 'user_id', value: 'u-1' }] },
        confirm: true,
      },
    },
  },
};

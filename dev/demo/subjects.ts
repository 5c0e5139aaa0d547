import postgres from 'postgres';

export interface Chosen {
  readonly userIds: readonly string[];
  /** What the request says, and what each of it is meant to show. */
  readonly identities: readonly {
    readonly type: string;
    readonly value: string | readonly string[];
    readonly why: string;
  }[];
}

interface Candidate {
  readonly n: number;
  readonly externalId: string | null;
  readonly email: string;
  readonly businessUnit: string;
}

/** Three users who share nothing with others, named in three ways; one of them twice, and somebody unknown. */
export async function chooseSubjects(url: string): Promise<Chosen> {
  const sql = postgres(url, { max: 1 });
  try {
    const users = await sql<Candidate[]>`
      SELECT n, external_id AS "externalId", email, business_unit AS "businessUnit"
      FROM app.users, LATERAL (SELECT substr(user_id, 3)::int AS n) AS number
      WHERE deleted_at IS NULL AND n % 50 > 1 AND n % 20 > 1 ORDER BY n LIMIT 2000`;
    const byAlias = users.find(({ n }) => n % 27 === 0);
    const byKey = users.find(({ n, externalId }) => n % 3 > 0 && externalId !== null);
    const byEmail = users.find((user) => user.n % 2 === 0 && user !== byAlias && user !== byKey);
    const again = byKey?.externalId ?? null;
    if (byAlias === undefined || byKey === undefined || again === null || byEmail === undefined) {
      throw new Error('the demo has no users left to delete: `rm -r .lethe/demo`, or run it with another --seed');
    }
    return {
      userIds: [byKey, byAlias, byEmail].map(({ n }) => `u-${n}`),
      identities: [
        { type: 'user_id', value: `u-${byKey.n}`, why: 'a user, by the key' },
        { type: 'alias', value: `a-${byAlias.n}-2`, why: `an alias of an alias of u-${byAlias.n}` },
        { type: 'email', value: [byEmail.email.toUpperCase(), byEmail.businessUnit], why: 'typed in capitals' },
        { type: 'user_id', value: 'u-nobody', why: 'nobody knows it' },
        { type: 'external_id', value: again, why: 'the first one again' },
      ],
    };
  } finally {
    await sql.end();
  }
}

import postgres from 'postgres';

export interface ChosenSubjects {
  readonly userIds: readonly string[];
  /** The identities of the request, each with what it demonstrates. */
  readonly identities: readonly {
    readonly type: string;
    readonly value: string | readonly string[];
    readonly note: string;
  }[];
}

interface Candidate {
  readonly n: number;
  readonly externalId: string | null;
  readonly email: string;
  readonly businessUnit: string;
}

/** README.md uses the users below this number. */
const FIRST_NUMBER = 100;

/** Chooses three users without shared rows, by three identity types; adds a duplicate and an unknown identity. */
export async function chooseSubjects(url: string): Promise<ChosenSubjects> {
  const sql = postgres(url, { max: 1 });
  try {
    const users = await sql<Candidate[]>`
      SELECT n, external_id AS "externalId", email, business_unit AS "businessUnit"
      FROM app.users, LATERAL (SELECT substr(user_id, 3)::int AS n) AS number
      WHERE deleted_at IS NULL AND n >= ${FIRST_NUMBER} AND n % 50 > 1 AND n % 20 > 1 ORDER BY n LIMIT 2000`;
    const byAlias = users.find(({ n }) => n % 27 === 0);
    const byKey = users.find(({ n, externalId }) => n % 3 > 0 && externalId !== null);
    const byEmail = users.find((user) => user.n % 2 === 0 && user !== byAlias && user !== byKey);
    const duplicate = byKey?.externalId ?? null;
    if (byAlias === undefined || byKey === undefined || duplicate === null || byEmail === undefined) {
      throw new Error('The demo has no users left to delete. Run `rm -r .lethe/demo`, or pass another --seed.');
    }
    return {
      userIds: [byKey, byAlias, byEmail].map(({ n }) => `u-${n}`),
      identities: [
        { type: 'user_id', value: `u-${byKey.n}`, note: 'the key of a user' },
        { type: 'alias', value: `a-${byAlias.n}-2`, note: `an alias of an alias of u-${byAlias.n}` },
        {
          type: 'email',
          value: [byEmail.email.toUpperCase(), byEmail.businessUnit],
          note: 'compared case-insensitively',
        },
        { type: 'user_id', value: 'u-unknown', note: 'unknown' },
        { type: 'external_id', value: duplicate, note: 'duplicate of the first' },
      ],
    };
  } finally {
    await sql.end();
  }
}

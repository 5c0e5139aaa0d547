import type { Resolved } from '../../domain/resolved.ts';
import { copyInto } from '../copy.ts';
import { digestsOf } from '../digests.ts';
import type { Staging } from './stage.ts';

/**
 * Whoever is spared of everyone. An identity that names several spares them all, and what a spared person is called
 * besides is spared too, whoever else is called the same.
 */
export async function stageExcepted(
  { tx, keys, project, kind }: Staging,
  facts: AsyncIterable<readonly Resolved[]>,
): Promise<void> {
  await tx`CREATE TEMPORARY TABLE stage_excepted (number integer, digests bytea[]) ON COMMIT DROP`;
  const rows = (async function* () {
    for await (const page of facts) {
      yield page.map((fact) => {
        const named = fact.fact === 'match' ? fact.key : fact.identity;
        const digests = digestsOf(keys, project, kind, named).map(({ digest }) => digest);
        return [fact.fact === 'match' ? fact.position : null, digests];
      });
    }
  })();
  await copyInto(tx, 'stage_excepted (number, digests)', rows);
}

/** From here on digests say who is spared, and which identities matched nobody; the identities themselves go. */
export async function storeExcepted({ tx, requestId }: Staging): Promise<void> {
  await tx`INSERT INTO lethe.excepted_digests (request_id, digest)
    SELECT DISTINCT ${requestId}, digest FROM stage_excepted, unnest(digests) digest`;
  await tx`UPDATE lethe.excepted_identities
    SET matched = number IN (SELECT number FROM stage_excepted WHERE number IS NOT NULL), value = NULL
    WHERE request_id = ${requestId}`;
}

/** Takes them out of the directory's answer. What they share with somebody else stays, whatever the directory says. */
export async function setExceptedAside({ tx, requestId }: Staging): Promise<void> {
  await tx`DELETE FROM stage USING (
      SELECT DISTINCT key_type, key_value FROM stage own, unnest(own.digests) digest
      JOIN lethe.excepted_digests excepted USING (digest) WHERE own.match AND excepted.request_id = ${requestId}) spared
    WHERE stage.key_type = spared.key_type AND stage.key_value = spared.key_value`;
  await tx`UPDATE stage SET spared = true
    FROM (SELECT DISTINCT type, value FROM stage named, unnest(named.digests) digest
          JOIN lethe.excepted_digests excepted USING (digest)
          WHERE NOT named.match AND excepted.request_id = ${requestId}) of_spared
    WHERE NOT match AND stage.type = of_spared.type AND stage.value = of_spared.value`;
}

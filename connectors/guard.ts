import { type Connector, ConnectorError, type InspectOptions } from './connector.ts';

/**
 * Wraps a connector whose data map has config errors: every verb inspects the system first and throws `coverage_broken`
 * until no error is left. So the requests of its project raise attention and wait, and other projects continue.
 */
export function guardConnector(connector: Connector): Connector {
  let isValid = false;
  return withCheck(connector, async () => {
    if (isValid) return;
    await requireNoConfigErrors(connector);
    isValid = true;
  });
}

/** Inspects the system. Throws `coverage_broken` for config errors. */
export async function requireNoConfigErrors(connector: Connector, context?: InspectOptions['context']): Promise<void> {
  const errors = await connector.inspect(context === undefined ? {} : { context });
  if (errors.length > 0)
    throw new ConnectorError('coverage_broken', `${errors.length} config errors`, { retryable: false });
}

/** Takes the place of a connector that cannot be opened, such as one whose secret is not set. */
export function refusingConnector(reason: string): Connector {
  const refuse = async (): Promise<never> => {
    throw new ConnectorError('refused', reason, { retryable: false });
  };
  return {
    inspect: refuse,
    probe: refuse,
    resolve: () => failingIterable(refuse),
    count: refuse,
    export: () => failingIterable(refuse),
    setVisibility: refuse,
    hardDelete: refuse,
    verify: refuse,
    setSuppression: refuse,
    purge: refuse,
    conclude: refuse,
    close: async () => {},
  };
}

/** Keeps which optional verbs the connector has. */
function withCheck(connector: Connector, check: () => Promise<void>): Connector {
  const checked =
    <Input extends readonly unknown[], Output>(verb: (...input: Input) => Promise<Output>) =>
    async (...input: Input): Promise<Output> => {
      await check();
      return verb(...input);
    };
  const checkedPages = <Input extends readonly unknown[], Page>(verb: (...input: Input) => AsyncIterable<Page>) =>
    async function* (...input: Input): AsyncIterable<Page> {
      await check();
      yield* verb(...input);
    };
  const { resolve, count, export: exportRows, setVisibility, verify, setSuppression, purge, conclude } = connector;
  return {
    inspect: (...input) => connector.inspect(...input),
    ...(connector.probe === undefined ? {} : { probe: connector.probe.bind(connector) }),
    ...(resolve === undefined ? {} : { resolve: checkedPages(resolve.bind(connector)) }),
    ...(count === undefined ? {} : { count: checked(count.bind(connector)) }),
    ...(exportRows === undefined ? {} : { export: checkedPages(exportRows.bind(connector)) }),
    ...(setVisibility === undefined ? {} : { setVisibility: checked(setVisibility.bind(connector)) }),
    hardDelete: checked(connector.hardDelete.bind(connector)),
    ...(verify === undefined ? {} : { verify: checked(verify.bind(connector)) }),
    ...(setSuppression === undefined ? {} : { setSuppression: checked(setSuppression.bind(connector)) }),
    ...(purge === undefined ? {} : { purge: checked(purge.bind(connector)) }),
    ...(conclude === undefined ? {} : { conclude: checked(conclude.bind(connector)) }),
    close: () => connector.close(),
  };
}

async function* failingIterable(fail: () => Promise<never>): AsyncIterable<never> {
  yield await fail();
}

import * as catalogue from '../../../connectors/catalogue/index.ts';
import type { CatalogueSettings } from '../../../connectors/catalogue/shared/settings.ts';
import type { Connector, ConnectorDefinition, Description } from '../../../connectors/connector.ts';
import type { Identity } from '../../../domain/identity.ts';
import { ACTIVATEPRO, startActivatePro } from '../../support/servers/stand-ins/activatepro.ts';
import { AMPLITUDE, startAmplitude } from '../../support/servers/stand-ins/amplitude.ts';
import { BRAZE, startBraze } from '../../support/servers/stand-ins/braze.ts';
import { HUBSPOT, startHubSpot } from '../../support/servers/stand-ins/hubspot.ts';
import { INTERCOM, startIntercom } from '../../support/servers/stand-ins/intercom.ts';
import { MIXPANEL, startMixpanel } from '../../support/servers/stand-ins/mixpanel.ts';
import { SEGMENT, startSegment } from '../../support/servers/stand-ins/segment.ts';
import { DAY, HOUR, testClock, type TestClock } from '../../support/servers/stand-ins/server/clock.ts';
import type { PeopleOptions, Person, SystemStandIn } from '../../support/servers/stand-ins/server/people.ts';
import { startStripe, STRIPE } from '../../support/servers/stand-ins/stripe.ts';
import { startUserpilot, USERPILOT } from '../../support/servers/stand-ins/userpilot.ts';
import { startZendesk, ZENDESK } from '../../support/servers/stand-ins/zendesk.ts';
import { TestLedger } from './ledger.ts';

/** Every secret of a system, as its variable holds it. */
export const SECRETS: Readonly<Record<string, string>> = {
  MIXPANEL_GDPR_TOKEN: MIXPANEL.gdprToken,
  MIXPANEL_PROJECT_TOKEN: MIXPANEL.projectToken,
  MIXPANEL_READ_BACK_SECRET: MIXPANEL.serviceAccount.secret,
  MIXPANEL_RETRIEVALS_API_SECRET: MIXPANEL.apiSecret,
  USERPILOT_API_KEY: USERPILOT.apiKey,
  ACTIVATEPRO_MASTER_KEY: ACTIVATEPRO.masterKey,
  SEGMENT_TOKEN: SEGMENT.token,
  AMPLITUDE_API_KEY: AMPLITUDE.apiKey,
  AMPLITUDE_SECRET_KEY: AMPLITUDE.secretKey,
  BRAZE_API_KEY: BRAZE.apiKey,
  HUBSPOT_TOKEN: HUBSPOT.token,
  STRIPE_SECRET_KEY: STRIPE.secretKey,
  ZENDESK_TOKEN: ZENDESK.token,
  INTERCOM_TOKEN: INTERCOM.token,
};
const env = (name: string) => ({ env: name });

export interface CatalogueSystem {
  readonly start: (options: PeopleOptions) => Promise<SystemStandIn>;
  /** With every option that gives the connector an ability. */
  readonly define: (
    at: Required<Pick<CatalogueSettings, 'at' | 'allowPrivate'>> & CatalogueSettings,
  ) => ConnectorDefinition;
  /** With the required options only, if others give the connector an ability. */
  readonly defineBare?: CatalogueSystem['define'];
  readonly identity: 'user_id' | 'email';
  /** How long the system still shows what it has deleted. */
  readonly lagMs: number;
}

/** All systems of the catalogue, by the names under which the catalogue exports them. */
export const SYSTEMS: Readonly<Record<keyof typeof catalogue, CatalogueSystem>> = {
  mixpanel: {
    start: (options) => startMixpanel({ ...options, stages: { stagingMs: 60_000, startedMs: 120_000, doneMs: HOUR } }),
    define: (common) =>
      catalogue.mixpanel({
        ...common,
        gdprToken: env('MIXPANEL_GDPR_TOKEN'),
        projectToken: env('MIXPANEL_PROJECT_TOKEN'),
        readBack: {
          projectId: MIXPANEL.projectId,
          user: MIXPANEL.serviceAccount.user,
          secret: env('MIXPANEL_READ_BACK_SECRET'),
        },
        retrievals: { apiSecret: env('MIXPANEL_RETRIEVALS_API_SECRET'), at: common.at },
      }),
    defineBare: (common) =>
      catalogue.mixpanel({
        ...common,
        gdprToken: env('MIXPANEL_GDPR_TOKEN'),
        projectToken: env('MIXPANEL_PROJECT_TOKEN'),
      }),
    identity: 'user_id',
    lagMs: 0,
  },
  userpilot: {
    start: (options) => startUserpilot({ ...options, exportMs: 0 }),
    define: (common) =>
      catalogue.userpilot({
        ...common,
        apiKey: env('USERPILOT_API_KEY'),
        exports: { at: common.at, filesAt: common.at, askEvery: '0.01 seconds' },
      }),
    defineBare: (common) => catalogue.userpilot({ ...common, apiKey: env('USERPILOT_API_KEY') }),
    identity: 'user_id',
    lagMs: 26 * HOUR,
  },
  activatepro: {
    start: startActivatePro,
    define: (common) => catalogue.activatepro({ ...common, masterKey: env('ACTIVATEPRO_MASTER_KEY') }),
    identity: 'user_id',
    lagMs: 0,
  },
  segment: {
    start: (options) => startSegment({ ...options, runMs: HOUR }),
    define: (common) => catalogue.segment({ ...common, token: env('SEGMENT_TOKEN') }),
    identity: 'user_id',
    lagMs: 0,
  },
  amplitude: {
    start: startAmplitude,
    define: (common) =>
      catalogue.amplitude({
        ...common,
        apiKey: env('AMPLITUDE_API_KEY'),
        secretKey: env('AMPLITUDE_SECRET_KEY'),
        readBack: true,
      }),
    defineBare: (common) =>
      catalogue.amplitude({
        ...common,
        apiKey: env('AMPLITUDE_API_KEY'),
        secretKey: env('AMPLITUDE_SECRET_KEY'),
      }),
    identity: 'user_id',
    lagMs: 0,
  },
  braze: {
    start: startBraze,
    define: (common) => catalogue.braze({ ...common, apiKey: env('BRAZE_API_KEY') }),
    identity: 'user_id',
    lagMs: HOUR,
  },
  hubspot: {
    start: startHubSpot,
    define: (common) => catalogue.hubspot({ ...common, token: env('HUBSPOT_TOKEN'), properties: ['email', 'city'] }),
    identity: 'email',
    lagMs: 0,
  },
  stripe: {
    start: startStripe,
    define: (common) => catalogue.stripe({ ...common, secretKey: env('STRIPE_SECRET_KEY') }),
    identity: 'email',
    lagMs: 0,
  },
  zendesk: {
    start: (options) => startZendesk({ ...options, jobMs: 0 }),
    define: (common) => catalogue.zendesk({ ...common, user: ZENDESK.user, token: env('ZENDESK_TOKEN') }),
    identity: 'email',
    lagMs: 0,
  },
  intercom: {
    start: startIntercom,
    define: (common) => catalogue.intercom({ ...common, token: env('INTERCOM_TOKEN') }),
    identity: 'email',
    lagMs: 0,
  },
};

export const NAMES = Object.keys(SYSTEMS).toSorted() as (keyof typeof SYSTEMS)[];

/** The definition for a stand-in at this address, with every option and ranges of two people. */
export const localDefinition = (
  name: (typeof NAMES)[number],
  at: string,
  settings: CatalogueSettings = {},
): ConnectorDefinition => SYSTEMS[name].define({ allowPrivate: ['127.0.0.0/8'], batchSize: 2, ...settings, at });

/** What each system of the catalogue can do, with every option. */
export const descriptionOf = (name: (typeof NAMES)[number]): Description =>
  localDefinition(name, 'https://system.test').describe();
export const namesWhere = (matches: (description: Description) => boolean): typeof NAMES =>
  NAMES.filter((name) => matches(descriptionOf(name)));

/** The first three are the batch, in two ranges; the others are bystanders. */
export const PEOPLE: readonly Person[] = Array.from({ length: 8 }, (_, index) => ({
  id: `canary-${index + 1}`,
  email: `Canary${index + 1}@x.test`,
  company: `company-${index + 1}`,
  traits: { city: `city of ${index + 1}` },
}));
export const BATCH = PEOPLE.slice(0, 3);
export const BYSTANDERS = PEOPLE.slice(3);
export const idsOf = (people: readonly Person[]): string[] => people.map(({ id }) => id).toSorted();

export interface OpenSystem {
  readonly standIn: SystemStandIn;
  readonly clock: TestClock;
  readonly definition: ConnectorDefinition;
  readonly connector: Connector;
  readonly ledger: TestLedger;
  readonly subjects: readonly (readonly Identity[])[];
  close(): Promise<void>;
}

/** Starts a stand-in with `PEOPLE`, and opens the connector on it with ranges of two people. */
export async function openSystem(
  name: (typeof NAMES)[number],
  { secrets = SECRETS, settings = {} }: { secrets?: typeof SECRETS; settings?: CatalogueSettings } = {},
): Promise<OpenSystem> {
  const { start, identity } = SYSTEMS[name];
  const clock = testClock();
  const standIn = await start({ people: PEOPLE, clock });
  const definition = localDefinition(name, standIn.url, settings);
  const connector = definition.open({ system: 'demo/x', secret: ({ env: variable }) => secrets[variable] ?? '' });
  return {
    standIn,
    clock,
    definition,
    connector,
    ledger: new TestLedger(clock, definition.describe().limits.lanes),
    subjects: BATCH.map((person) => identitiesOf(person, identity)),
    close: async () => {
      await connector.close();
      await standIn.close();
    },
  };
}

export const identitiesOf = ({ id, email = '' }: Person, type: CatalogueSystem['identity']): Identity[] => [
  { type, value: [type === 'email' ? email : id] },
];

/** The time after which every job of a deletion has ended, and a system shows no deleted person. */
export const LONG_AFTER = 20 * DAY;
export const LONGEST_SETTLE = 26 * HOUR;

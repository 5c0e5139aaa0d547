/** What a configuration file imports as `lethe/catalogue`. docs/catalogue.md says what each system can do. */
export { activatepro, type ActivateProSettings } from './activatepro.ts';
export { amplitude, type AmplitudeSettings } from './amplitude.ts';
export { braze, type BrazeSettings } from './braze.ts';
export { hubspot, type HubSpotSettings } from './hubspot.ts';
export { intercom, type IntercomSettings } from './intercom.ts';
export { mixpanel, type MixpanelSettings } from './mixpanel.ts';
export { segment, type SegmentSettings } from './segment.ts';
export { stripe, type StripeSettings } from './stripe.ts';
export { userpilot, type UserpilotSettings } from './userpilot.ts';
export { zendesk, type ZendeskSettings } from './zendesk.ts';

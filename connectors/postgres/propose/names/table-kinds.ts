import { wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import { tableName } from '../../../data-map/names.ts';

const words = (table: string): string => wordsOf(tableName(table).name);

const RETAINED =
  /(^|_)(invoices?|inv|invhdr|invln|invdtl|payments?|pmts?|orders?|ord|ordhdr|ordln|orddtl|tax|taxes|\w*ledgers?|receipts?|refunds?|credit_?notes?|payouts?|billings?|bills?|transactions?|txns?|journal_?(entry|entries|lines?)|purchases?|charges?|postings?|accounting|rechnung(en)?|zahlung(en)?|buchung(en)?|faktura|contracts?)(_|$)/;
/** Tables about means of payment, settings and catalogs, which no law requires to keep. */
const NOT_RETAINED =
  /(^|_)(methods?|cards?|tokens?|settings?|preferences?|gateways?|providers?|plans?|types?|status(es)?|states?|rates?|templates?|terms?|carts?|intents?|sessions?|webhooks?|logs?|notifications?|reminders?|addresse?s?|tags?|notes?|comments?|histor(y|ies)|contact(s)?|profiles?)$/;

/** Whether the law usually requires to keep the rows. */
export const isRetainedName = (table: string): boolean =>
  RETAINED.test(words(table)) && !NOT_RETAINED.test(words(table));

/** Whether rows below a retained row are no part of the record, such as notes and notifications. */
export const keepsNoRecords = (table: string): boolean => NOT_RETAINED.test(words(table));

const SHARED =
  /(^|_)(teams?|groups?|orgs?|organi[sz]ations?|workspaces?|compan(y|ies)|projects?|tenants?|channels?|rooms?|forums?|boards?|spaces?|clubs?|communit(y|ies)|courses?|class(es)?|products?|items?|articles?|categor(y|ies)|tags?|templates?|campaigns?|departments?|roles?|permissions?|conversations?|settings?|configs?|plans?|coupons?|promotions?|vouchers?|policies|catalogs?|menus?|pages?|surveys?|forms?|quizzes|exams?|shops?|stores?|warehouses?|vendors?|suppliers?|partners?|features?|flags?|news|announcements?|changelogs?|wikis?|labels?|sprints?|milestones?|releases?|integrations?|webhooks?|segments?|reports?|dashboards?|films?|albums?|tracks?|events?)$/;

/** Whether several people usually share a row, so that it does not belong to the person who created it. */
export const isSharedName = (table: string): boolean => SHARED.test(words(table));

const MEMBERSHIP =
  /(^|_)(members?|memberships?|participants?|participations?|collaborators?|enrol\w*|attendees?|subscribers?|admins?|assignees?|assignments?|users?|teammates?|seats?)$|^user_/;

export const isMembershipName = (table: string): boolean => MEMBERSHIP.test(words(table));

const DETAIL =
  /(^|_)(address(es)?|addr|avatars?|profiles?|persons?|people|contacts?|contact_(info|details?)|photos?|pictures?|images?|files?|blobs?|documents?|attachments?|uploads?|media|signatures?|portraits?|personal_(data|details?)|identit(y|ies)|biograph(y|ies)|bank_accounts?|cards?|emails?|phones?)$/;

/** Whether a row usually holds details of one person, to which the row of that person points. */
export const isDetailName = (table: string): boolean => DETAIL.test(words(table));

/** Rows that a retained record can do without, as opposed to its documents. */
export const isAddressName = (table: string): boolean => /(^|_)(address(es)?|addr|contacts?)$/.test(words(table));

const ORGANIZATION =
  /(^|_)(teams?|groups?|orgs?|organi[sz]ations?|workspaces?|compan(y|ies)|tenants?|departments?|stores?|shops?|branch(es)?|offices?|sites?|locations?|vendors?|suppliers?|schools?|business(es)?|units?|warehouses?|facilit(y|ies)|clinics?|hospitals?|hotels?|agenc(y|ies)|employees?|staffs?)$/;

export const isOrganizationName = (table: string): boolean => ORGANIZATION.test(words(table));

const BY_ADDRESS =
  /(newsletter|subscri|invit|lead|waitlist|wait_list|password_reset|reset|prospect|mailing|optout|opt_out|optin|unsubscri|bounce|suppression|contact_(request|form|message)|enquir|inquir|signup|sign_up|beta|recipient|verification)/;

/** Whether the email addresses of a table usually belong to people rather than to companies or departments. */
export const holdsPersonsByAddress = (table: string): boolean => BY_ADDRESS.test(words(table));

const USERS =
  /(^|_)(users?|usr|accounts?|members?|profiles?|persons?|people|customers?|clients?|players?|identit(y|ies)|subscribers?)$/;

/** Whether the table holds the users of an application. Columns such as `author_id` usually mean them. */
export const isUsersName = (table: string): boolean => USERS.test(words(table));

const CUSTOMERS =
  /(^|_)(customers?|clients?|patients?|students?|pupils?|contacts?|leads?|guests?|donors?|members?|subscribers?|borrowers?|passengers?|residents?)$/;

/** Whether the table holds people that the people of another table serve. */
export const isCustomersName = (table: string): boolean => CUSTOMERS.test(words(table));

const STAFF =
  /(^|_)(employees?|empl?|emp_?mst|staffs?|agents?|clerks?|operators?|personnel|technicians?|salespersons?|salespeople|sales_?reps?|workers?|admins?|administrators?|coaches|teachers?|doctors?|nurses?|drivers?|moderators?|consultants?)$/;

/** Whether the people of the table serve the people of another one. */
export const isStaffName = (table: string): boolean => STAFF.test(words(table));

const ALIASES = /(^|_)(alias(es)?|distinct_ids?|id_?maps?|identity_?maps?|merged_?ids?|device_ids?)$/;

export const isAliasesName = (table: string): boolean => ALIASES.test(words(table));

const REACTION =
  /(^|_)(comments?|repl(y|ies)|reviews?|likes?|votes?|reactions?|favou?rites?|bookmarks?|views?|reads?|shares?|followers?|subscri\w*|ratings?|reports?|members?|participants?|answers?|users?|watchers?|stars?)$/;

/** Whether rows usually hold what other people say or do about the row that they belong to. */
export const isReactionName = (table: string): boolean => REACTION.test(words(table));

const CONTENT =
  /(comment|repl(y|ies)|post|message|review|note|answer|question|vote|like|reaction|photo|upload|attachment|draft|bookmark|feedback|rating|ticket|topic)/;

/** Whether a row usually is the contribution of the person who created it. */
export const isContentName = (table: string): boolean => CONTENT.test(words(table));

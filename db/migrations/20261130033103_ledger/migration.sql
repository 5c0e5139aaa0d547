CREATE SCHEMA "lethe";
--> statement-breakpoint
CREATE SEQUENCE "lethe"."visibility_generation" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "lethe"."audit_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "lethe"."audit_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"project" text NOT NULL,
	"request_id" text,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"detail" jsonb NOT NULL,
	CONSTRAINT "audit_events_action_check" CHECK (action ~ '^[a-z_]+\.[a-z_]+$')
);
--> statement-breakpoint
CREATE TABLE "lethe"."archive_keys" (
	"request_id" text PRIMARY KEY,
	"encrypted" bytea NOT NULL,
	"digest_key" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "lethe"."archive_storage" (
	"one_row" boolean PRIMARY KEY DEFAULT true,
	"mark" text NOT NULL,
	CONSTRAINT "archive_storage_one_row_check" CHECK (one_row)
);
--> statement-breakpoint
CREATE TABLE "lethe"."archive_subject_keys" (
	"request_id" text,
	"seq" integer,
	"key" bytea NOT NULL,
	CONSTRAINT "archive_subject_keys_pkey" PRIMARY KEY("request_id","seq")
);
--> statement-breakpoint
CREATE TABLE "lethe"."archives" (
	"request_id" text PRIMARY KEY,
	"epoch" integer NOT NULL,
	"subjects" integer NOT NULL,
	"removed_subjects" integer DEFAULT 0 NOT NULL,
	"rows" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	"sha256" bytea NOT NULL,
	"ready_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"destroyed_at" timestamp with time zone,
	"reason" text,
	CONSTRAINT "archives_reason_check" CHECK (reason IN ('expired', 'subject_deleted', 'destroyed')),
	CONSTRAINT "archives_removed_subjects_check" CHECK (removed_subjects >= 0 AND removed_subjects < subjects),
	CONSTRAINT "archives_destroyed_check" CHECK ((destroyed_at IS NULL) = (reason IS NULL))
);
--> statement-breakpoint
CREATE TABLE "lethe"."collected_tables" (
	"request_id" text,
	"epoch" integer,
	"system" text,
	"number" integer,
	"object" text NOT NULL,
	"facts" json NOT NULL,
	CONSTRAINT "collected_tables_pkey" PRIMARY KEY("request_id","epoch","system","number"),
	CONSTRAINT "collected_tables_number_check" CHECK (number >= 1)
);
--> statement-breakpoint
CREATE TABLE "lethe"."collections" (
	"request_id" text,
	"epoch" integer,
	"system" text,
	"state" text DEFAULT 'pending' NOT NULL,
	"cut_off_at" timestamp with time zone,
	"rows" bigint DEFAULT 0 NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "collections_pkey" PRIMARY KEY("request_id","epoch","system"),
	CONSTRAINT "collections_state_check" CHECK (state IN ('pending', 'collected')),
	CONSTRAINT "collections_cut_off_at_check" CHECK ((state = 'collected') = (cut_off_at IS NOT NULL))
);
--> statement-breakpoint
CREATE TABLE "lethe"."links" (
	"id" text PRIMARY KEY,
	"request_id" text NOT NULL,
	"sha256" bytea NOT NULL CONSTRAINT "links_sha256_key" UNIQUE,
	"created_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"revoked_by" text,
	"transfer" text,
	"lease_renewed_at" timestamp with time zone,
	"used_at" timestamp with time zone,
	CONSTRAINT "links_expires_at_check" CHECK (expires_at > created_at AND expires_at <= created_at + interval '7 days'),
	CONSTRAINT "links_transfer_check" CHECK ((transfer IS NULL) = (lease_renewed_at IS NULL))
);
--> statement-breakpoint
CREATE TABLE "lethe"."hold_digests" (
	"hold_id" text,
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"digest" bytea,
	"key_id" text NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "hold_digests_pkey" PRIMARY KEY("hold_id","digest")
);
--> statement-breakpoint
CREATE TABLE "lethe"."holds" (
	"id" text PRIMARY KEY,
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"case_ref" text NOT NULL,
	"held_by" text NOT NULL,
	"identities" integer NOT NULL,
	"placed_at" timestamp with time zone NOT NULL,
	"placed_by" text NOT NULL,
	"released_at" timestamp with time zone,
	"released_by" text
);
--> statement-breakpoint
CREATE TABLE "lethe"."suppression_digests" (
	"suppression_id" text,
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"digest" bytea,
	"key_id" text NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "suppression_digests_pkey" PRIMARY KEY("suppression_id","digest")
);
--> statement-breakpoint
CREATE TABLE "lethe"."suppression_systems" (
	"suppression_id" text,
	"system" text,
	"applied_at" timestamp with time zone NOT NULL,
	CONSTRAINT "suppression_systems_pkey" PRIMARY KEY("suppression_id","system")
);
--> statement-breakpoint
CREATE TABLE "lethe"."suppressions" (
	"id" text PRIMARY KEY,
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"request_id" text,
	"identities" integer NOT NULL,
	"lifted_identities" integer DEFAULT 0 NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"placed_by" text,
	"lifted_at" timestamp with time zone,
	"lifted_by" text,
	"identity" jsonb,
	"propagated_at" timestamp with time zone,
	"dispatch_at" timestamp with time zone DEFAULT clock_timestamp() + interval '1 second'
);
--> statement-breakpoint
CREATE TABLE "lethe"."idempotency_keys" (
	"member_id" text,
	"key_digest" bytea,
	"fingerprint" bytea NOT NULL,
	"digest_key" text NOT NULL,
	"request_id" text,
	"response" jsonb,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("member_id","key_digest"),
	CONSTRAINT "idempotency_keys_response_check" CHECK (num_nonnulls(request_id, response) = 1)
);
--> statement-breakpoint
CREATE TABLE "lethe"."members" (
	"id" text PRIMARY KEY,
	"project" text NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"added_at" timestamp with time zone NOT NULL,
	"added_by" text NOT NULL,
	"removed_at" timestamp with time zone,
	CONSTRAINT "members_role_check" CHECK (role IN ('owner', 'admin'))
);
--> statement-breakpoint
CREATE TABLE "lethe"."tokens" (
	"id" text PRIMARY KEY,
	"member_id" text NOT NULL,
	"name" text NOT NULL,
	"sha256" bytea NOT NULL CONSTRAINT "tokens_sha256_key" UNIQUE,
	"role" text NOT NULL,
	"kinds" text[],
	"read_only" boolean NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	"minted_by" text,
	"expires_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"revoked_by" text,
	CONSTRAINT "tokens_role_check" CHECK (role IN ('owner', 'admin')),
	CONSTRAINT "tokens_kinds_check" CHECK (kinds <@ ARRAY['export', 'deletion'] AND cardinality(kinds) > 0),
	CONSTRAINT "tokens_expires_at_check" CHECK (expires_at > created_at AND expires_at <= created_at + interval '365 days')
);
--> statement-breakpoint
CREATE TABLE "lethe"."deliveries" (
	"id" text PRIMARY KEY,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "lethe"."deliveries_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"project" text NOT NULL,
	"channel" text NOT NULL,
	"recipient" text,
	"request_id" text NOT NULL,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"task_id" text,
	"task_event" text,
	"at" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_at" timestamp with time zone NOT NULL,
	"dispatch_at" timestamp with time zone DEFAULT clock_timestamp() + interval '1 second',
	"ended_at" timestamp with time zone,
	"outcome" text,
	"last_code" text,
	CONSTRAINT "deliveries_outcome_check" CHECK (outcome IN ('delivered', 'given_up', 'withheld')),
	CONSTRAINT "deliveries_task_check" CHECK ((task_id IS NULL) = (task_event IS NULL)),
	CONSTRAINT "deliveries_task_event_check" CHECK (task_event IN ('task.opened', 'task.overdue')),
	CONSTRAINT "deliveries_ended_check" CHECK ((ended_at IS NULL) = (outcome IS NULL)),
	CONSTRAINT "deliveries_recipient_check" CHECK ((channel = 'mail' AND ended_at IS NULL) = (recipient IS NOT NULL))
);
--> statement-breakpoint
CREATE TABLE "lethe"."webhook_secrets" (
	"webhook_id" text,
	"number" integer,
	"encrypted" bytea NOT NULL,
	"digest_key" text NOT NULL,
	"expires_at" timestamp with time zone,
	CONSTRAINT "webhook_secrets_pkey" PRIMARY KEY("webhook_id","number")
);
--> statement-breakpoint
CREATE TABLE "lethe"."webhooks" (
	"id" text PRIMARY KEY,
	"project" text NOT NULL,
	"url" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	"disabled_at" timestamp with time zone,
	"removed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "lethe"."digest_keys" (
	"id" text PRIMARY KEY,
	"proof" bytea NOT NULL
);
--> statement-breakpoint
CREATE TABLE "lethe"."projects" (
	"name" text PRIMARY KEY
);
--> statement-breakpoint
CREATE TABLE "lethe"."slots" (
	"name" text PRIMARY KEY,
	"next_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "lethe"."request_counts" (
	"request_id" text,
	"system" text,
	"tables" jsonb,
	CONSTRAINT "request_counts_pkey" PRIMARY KEY("request_id","system")
);
--> statement-breakpoint
CREATE TABLE "lethe"."requests" (
	"id" text PRIMARY KEY,
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"subject_kind" text NOT NULL,
	"regulation" text NOT NULL,
	"scope" text NOT NULL,
	"selection" text NOT NULL,
	"segment" text,
	"suppress" boolean NOT NULL,
	"on_conflict" text NOT NULL,
	"expedite" text,
	"expedite_reason" text,
	"submitted_by" text NOT NULL,
	"submitted" integer NOT NULL,
	"status" text DEFAULT 'received' NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"hard_delete_at" timestamp with time zone,
	"estimated_completion_at" timestamp with time zone NOT NULL,
	"cancelled_at" timestamp with time zone,
	"failure" text,
	"resolved_at" timestamp with time zone,
	"concluded_at" timestamp with time zone,
	"systems" jsonb,
	"directory" text,
	"growth_accepted" boolean DEFAULT false NOT NULL,
	"wake_version" bigint DEFAULT 0 NOT NULL,
	"wake_seen" bigint DEFAULT 0 NOT NULL,
	"started_at" timestamp with time zone,
	"dispatch_at" timestamp with time zone DEFAULT clock_timestamp() + interval '1 second',
	"attended_at" timestamp with time zone NOT NULL,
	"receipt" json,
	"confirm" boolean DEFAULT false NOT NULL,
	"confirm_by" timestamp with time zone,
	"confirmed_at" timestamp with time zone,
	"confirmed_by" text,
	"confirmed_count" integer,
	"format" text,
	"notify" text,
	"export_first" boolean DEFAULT false NOT NULL,
	"backup_of" text,
	"epoch" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "requests_kind_check" CHECK (kind IN ('export', 'deletion')),
	CONSTRAINT "requests_subject_kind_check" CHECK (subject_kind IN ('user', 'company')),
	CONSTRAINT "requests_scope_check" CHECK (scope IN ('data', 'categories', 'sources')),
	CONSTRAINT "requests_selection_check" CHECK (selection IN ('identities', 'segment', 'everyone')),
	CONSTRAINT "requests_on_conflict_check" CHECK (on_conflict IN ('attach', 'reject')),
	CONSTRAINT "requests_expedite_check" CHECK (expedite IN ('next_run', 'now')),
	CONSTRAINT "requests_format_check" CHECK (format IN ('ndjson', 'csv')),
	CONSTRAINT "requests_status_check" CHECK (status IN ('received', 'resolving', 'not_found', 'cancelled', 'failed') OR (kind = 'deletion' AND status IN ('awaiting_confirmation', 'grace', 'deleting', 'verifying', 'completed', 'partially_completed')) OR (kind = 'export' AND status IN ('collecting', 'packaging', 'ready', 'expired'))),
	CONSTRAINT "requests_segment_check" CHECK ((selection = 'segment') = (segment IS NOT NULL)),
	CONSTRAINT "requests_failure_check" CHECK ((status = 'failed') = (failure IS NOT NULL)),
	CONSTRAINT "requests_expedite_reason_check" CHECK ((expedite IS NULL) = (expedite_reason IS NULL)),
	CONSTRAINT "requests_concluded_check" CHECK (status = 'expired' OR (status IN ('completed', 'not_found', 'partially_completed', 'cancelled', 'failed')) = (concluded_at IS NOT NULL)),
	CONSTRAINT "requests_awaiting_confirmation_check" CHECK (status <> 'awaiting_confirmation' OR (confirm_by IS NOT NULL AND confirmed_at IS NULL)),
	CONSTRAINT "requests_confirm_by_check" CHECK (confirm OR confirm_by IS NULL),
	CONSTRAINT "requests_confirmed_in_time_check" CHECK (confirmed_at < confirm_by),
	CONSTRAINT "requests_confirmed_check" CHECK (num_nonnulls(confirmed_at, confirmed_by, confirmed_count) IN (0, 3)),
	CONSTRAINT "requests_hard_delete_at_check" CHECK ((kind = 'deletion') = (hard_delete_at IS NOT NULL)),
	CONSTRAINT "requests_export_format_check" CHECK ((kind = 'export') = (format IS NOT NULL)),
	CONSTRAINT "requests_deletion_only_check" CHECK (kind = 'deletion' OR NOT (suppress OR confirm OR export_first OR expedite IS NOT NULL)),
	CONSTRAINT "requests_backup_of_check" CHECK (kind = 'export' OR backup_of IS NULL),
	CONSTRAINT "requests_suppress_check" CHECK (scope = 'data' OR NOT suppress)
);
--> statement-breakpoint
CREATE TABLE "lethe"."excepted_digests" (
	"request_id" text,
	"digest" bytea,
	CONSTRAINT "excepted_digests_pkey" PRIMARY KEY("request_id","digest")
);
--> statement-breakpoint
CREATE TABLE "lethe"."excepted_identities" (
	"request_id" text,
	"number" integer,
	"type" text NOT NULL,
	"value" text[],
	"matched" boolean,
	CONSTRAINT "excepted_identities_pkey" PRIMARY KEY("request_id","number"),
	CONSTRAINT "excepted_identities_number_check" CHECK (number >= 1)
);
--> statement-breakpoint
CREATE TABLE "lethe"."foreign_ids" (
	"request_id" text,
	"system" text,
	"batch" text,
	"seq" integer,
	"id" text,
	CONSTRAINT "foreign_ids_pkey" PRIMARY KEY("request_id","system","batch","seq","id"),
	CONSTRAINT "foreign_ids_id_check" CHECK (octet_length(id) <= 2000)
);
--> statement-breakpoint
CREATE TABLE "lethe"."identity_digests" (
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"digest" bytea,
	"key_id" text NOT NULL,
	"request_id" text,
	"seq" integer,
	"is_key" boolean NOT NULL,
	CONSTRAINT "identity_digests_pkey" PRIMARY KEY("request_id","seq","digest")
);
--> statement-breakpoint
CREATE TABLE "lethe"."matches" (
	"request_id" text,
	"position" integer,
	"seq" integer,
	CONSTRAINT "matches_pkey" PRIMARY KEY("request_id","position","seq")
);
--> statement-breakpoint
CREATE TABLE "lethe"."subject_identities" (
	"request_id" text,
	"seq" integer,
	"type" text NOT NULL,
	"value" text[],
	"canonical" text[],
	"digest" bytea,
	"origin" text NOT NULL,
	"shared" boolean NOT NULL,
	CONSTRAINT "subject_identities_pkey" PRIMARY KEY("request_id","seq","digest"),
	CONSTRAINT "subject_identities_origin_check" CHECK (origin IN ('key', 'submitted', 'identity', 'alias'))
);
--> statement-breakpoint
CREATE TABLE "lethe"."subjects" (
	"request_id" text,
	"seq" integer,
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"digest" bytea NOT NULL,
	"known" boolean NOT NULL,
	"present" boolean,
	"state" text NOT NULL,
	"owner_request" text,
	"owner_seq" integer,
	"hidden" boolean NOT NULL,
	"generation" bigint NOT NULL,
	"hard_delete_at" timestamp with time zone,
	"expedited" boolean DEFAULT false NOT NULL,
	"batch" integer,
	"claimed_at" timestamp with time zone,
	"scope" text DEFAULT 'data' NOT NULL,
	"backed_up" boolean DEFAULT false NOT NULL,
	"suppression_id" text,
	"purge_generation" bigint,
	CONSTRAINT "subjects_pkey" PRIMARY KEY("request_id","seq"),
	CONSTRAINT "subjects_seq_check" CHECK (seq >= 1),
	CONSTRAINT "subjects_state_check" CHECK (state IN ('proposed', 'resolved', 'soft_deleted', 'claimed', 'deleted', 'partially_deleted', 'cancelling', 'cancelled', 'attached', 'not_found', 'scheduled', 'selected', 'exported', 'left_out')),
	CONSTRAINT "subjects_scope_check" CHECK (scope IN ('data', 'categories', 'sources')),
	CONSTRAINT "subjects_batch_check" CHECK ((state IN ('claimed', 'deleted', 'partially_deleted') AND owner_request IS NULL) = (batch IS NOT NULL)),
	CONSTRAINT "subjects_claimed_at_check" CHECK ((batch IS NULL) = (claimed_at IS NULL)),
	CONSTRAINT "subjects_attached_check" CHECK ((state = 'attached') <= (owner_request IS NOT NULL)),
	CONSTRAINT "subjects_proposed_check" CHECK (state <> 'proposed' OR (NOT hidden AND owner_request IS NULL)),
	CONSTRAINT "subjects_never_hidden_check" CHECK (state NOT IN ('scheduled', 'selected', 'exported', 'left_out') OR (NOT hidden AND owner_request IS NULL)),
	CONSTRAINT "subjects_hidden_scope_check" CHECK (scope = 'data' OR NOT hidden),
	CONSTRAINT "subjects_scheduled_check" CHECK (state <> 'scheduled' OR scope <> 'data')
);
--> statement-breakpoint
CREATE TABLE "lethe"."submitted_identities" (
	"request_id" text,
	"position" integer,
	"type" text NOT NULL,
	"value" text[],
	"canonical" text[],
	"outcome" text,
	"reason" text,
	"duplicate_of" integer,
	"withdrawn_at" timestamp with time zone,
	"line" integer,
	CONSTRAINT "submitted_identities_pkey" PRIMARY KEY("request_id","position"),
	CONSTRAINT "submitted_identities_position_check" CHECK (position >= 1),
	CONSTRAINT "submitted_identities_outcome_check" CHECK (outcome IN ('matched', 'invalid', 'not_found', 'duplicate', 'attached', 'already_deleted')),
	CONSTRAINT "submitted_identities_line_check" CHECK (line >= 1)
);
--> statement-breakpoint
CREATE TABLE "lethe"."lanes" (
	"project" text,
	"system" text,
	"name" text,
	"reserved_at" bigint DEFAULT 0 NOT NULL,
	"behind_ms" bigint DEFAULT 0 NOT NULL,
	"postponed_until" timestamp with time zone,
	"used" jsonb DEFAULT '{}' NOT NULL,
	CONSTRAINT "lanes_pkey" PRIMARY KEY("project","system","name")
);
--> statement-breakpoint
CREATE TABLE "lethe"."system_outages" (
	"project" text,
	"system" text,
	"code" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"confirmed_at" timestamp with time zone,
	"failed_requests" text[] DEFAULT '{}'::text[] NOT NULL,
	"trials" integer DEFAULT 0 NOT NULL,
	"next_probe_at" timestamp with time zone,
	CONSTRAINT "system_outages_pkey" PRIMARY KEY("project","system"),
	CONSTRAINT "system_outages_code_check" CHECK (code IN ('system_unavailable', 'storage_unavailable', 'system_refused', 'coverage_broken')),
	CONSTRAINT "system_outages_probe_check" CHECK (confirmed_at IS NULL OR next_probe_at IS NOT NULL)
);
--> statement-breakpoint
CREATE TABLE "lethe"."system_pauses" (
	"project" text,
	"system" text,
	"since" timestamp with time zone NOT NULL,
	"reason" text NOT NULL,
	"paused_by" text NOT NULL,
	CONSTRAINT "system_pauses_pkey" PRIMARY KEY("project","system")
);
--> statement-breakpoint
CREATE TABLE "lethe"."waits" (
	"request_id" text,
	"system" text,
	"step" text,
	"batch" integer,
	"code" text NOT NULL,
	"project" text NOT NULL,
	"stopped" text,
	"since" timestamp with time zone NOT NULL,
	"until" timestamp with time zone,
	CONSTRAINT "waits_pkey" PRIMARY KEY("request_id","system","step","batch"),
	CONSTRAINT "waits_step_check" CHECK (step IN ('resolve', 'inspect', 'visibility', 'delete', 'verify', 'suppress', 'conclude', 'collect', 'package', 'backup')),
	CONSTRAINT "waits_code_check" CHECK (code IN ('rate_limit', 'system_stopped')),
	CONSTRAINT "waits_stopped_check" CHECK ((code = 'system_stopped') = (stopped IS NOT NULL))
);
--> statement-breakpoint
CREATE TABLE "lethe"."manual_tasks" (
	"id" text PRIMARY KEY,
	"project" text NOT NULL,
	"system" text NOT NULL,
	"request_id" text NOT NULL,
	"batch" integer NOT NULL,
	"pass" integer NOT NULL,
	"first_seq" integer NOT NULL,
	"last_seq" integer NOT NULL,
	"seqs" integer[] NOT NULL,
	"instruction" text NOT NULL,
	"notify" text,
	"within_ms" bigint NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"reopened" integer DEFAULT 0 NOT NULL,
	"reminded_at" timestamp with time zone,
	"state" text NOT NULL,
	"reason" text,
	"not_possible" integer[] DEFAULT '{}'::integer[] NOT NULL,
	"answered_at" timestamp with time zone,
	"answered_by" text,
	CONSTRAINT "manual_tasks_state_check" CHECK (state IN ('open', 'done', 'not_possible', 'closed')),
	CONSTRAINT "manual_tasks_answer_check" CHECK ((state IN ('done', 'not_possible')) = (answered_at IS NOT NULL))
);
--> statement-breakpoint
CREATE TABLE "lethe"."anonymised_rows" (
	"request_id" text,
	"seq" integer,
	"rows" bigint NOT NULL,
	"columns" text[] NOT NULL,
	CONSTRAINT "anonymised_rows_pkey" PRIMARY KEY("request_id","seq")
);
--> statement-breakpoint
CREATE TABLE "lethe"."attention" (
	"request_id" text,
	"system" text,
	"step" text,
	"batch" integer DEFAULT 0,
	"code" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"retry_at" timestamp with time zone,
	"deferrals" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "attention_pkey" PRIMARY KEY("request_id","system","step","batch"),
	CONSTRAINT "attention_step_check" CHECK (step IN ('resolve', 'inspect', 'visibility', 'delete', 'verify', 'suppress', 'conclude', 'collect', 'package', 'backup'))
);
--> statement-breakpoint
CREATE TABLE "lethe"."batch_work" (
	"request_id" text,
	"batch" integer,
	"system" text,
	"state" text DEFAULT 'pending' NOT NULL,
	"first_seq" integer NOT NULL,
	"last_seq" integer NOT NULL,
	"size" integer NOT NULL,
	"pass" integer DEFAULT 1 NOT NULL,
	"started" boolean DEFAULT false NOT NULL,
	"attempt" text,
	"retries" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp with time zone,
	"attested_at" timestamp with time zone,
	"emptied_at" timestamp with time zone,
	"verified_at" timestamp with time zone,
	"survivors" integer,
	"read_tables" text[] DEFAULT '{}'::text[] NOT NULL,
	"attested_tables" text[] DEFAULT '{}'::text[] NOT NULL,
	"attested_by" text,
	"skip_reason" text,
	"skipped_by" text,
	CONSTRAINT "batch_work_pkey" PRIMARY KEY("request_id","batch","system"),
	CONSTRAINT "batch_work_state_check" CHECK (state IN ('pending', 'deleting', 'verifying', 'verified', 'attested', 'unverified', 'attention', 'skipped')),
	CONSTRAINT "batch_work_attested_by_check" CHECK (attested_by IN ('system', 'person'))
);
--> statement-breakpoint
CREATE TABLE "lethe"."blocked_subjects" (
	"request_id" text,
	"batch" integer,
	"system" text,
	"seq" integer,
	"pass" integer NOT NULL,
	"blocking_table" text,
	"blocking_constraint" text,
	"cancelled_at" timestamp with time zone,
	CONSTRAINT "blocked_subjects_pkey" PRIMARY KEY("request_id","batch","system","seq")
);
--> statement-breakpoint
CREATE TABLE "lethe"."range_tickets" (
	"request_id" text,
	"batch" integer,
	"system" text,
	"pass" integer,
	"first_seq" integer,
	"last_seq" integer,
	"part" integer,
	"ticket" text,
	"kept_at" timestamp with time zone NOT NULL,
	CONSTRAINT "range_tickets_pkey" PRIMARY KEY("request_id","batch","system","pass","first_seq","last_seq","part","ticket"),
	CONSTRAINT "range_tickets_ticket_check" CHECK (octet_length(ticket) <= 2000)
);
--> statement-breakpoint
CREATE TABLE "lethe"."retained_rows" (
	"request_id" text,
	"seq" integer,
	"basis" text,
	"rows" bigint NOT NULL,
	CONSTRAINT "retained_rows_pkey" PRIMARY KEY("request_id","seq","basis")
);
--> statement-breakpoint
CREATE TABLE "lethe"."runs" (
	"project" text,
	"run_at" timestamp with time zone,
	"booked" integer NOT NULL,
	CONSTRAINT "runs_pkey" PRIMARY KEY("project","run_at")
);
--> statement-breakpoint
CREATE TABLE "lethe"."system_ranges" (
	"request_id" text,
	"batch" integer,
	"system" text,
	"pass" integer,
	"first_seq" integer,
	"last_seq" integer,
	"part" integer,
	"tables" jsonb NOT NULL,
	CONSTRAINT "system_ranges_pkey" PRIMARY KEY("request_id","batch","system","pass","first_seq","last_seq","part")
);
--> statement-breakpoint
CREATE TABLE "lethe"."system_visibility" (
	"request_id" text,
	"system" text,
	"hides" boolean NOT NULL,
	"suppresses" boolean DEFAULT true NOT NULL,
	"applied_generation" bigint DEFAULT 0 NOT NULL,
	"purged_generation" bigint DEFAULT 0 NOT NULL,
	"skipped_at" timestamp with time zone,
	"skip_reason" text,
	"skipped_by" text,
	CONSTRAINT "system_visibility_pkey" PRIMARY KEY("request_id","system")
);
--> statement-breakpoint
CREATE INDEX "audit_events_of_request" ON "lethe"."audit_events" ("request_id","id");--> statement-breakpoint
CREATE INDEX "audit_events_of_project" ON "lethe"."audit_events" ("project","at","id");--> statement-breakpoint
CREATE INDEX "audit_events_by_actor" ON "lethe"."audit_events" ("project","actor","at","id");--> statement-breakpoint
CREATE INDEX "audit_events_by_noun" ON "lethe"."audit_events" ("project",split_part(action, '.', 1),"at","id");--> statement-breakpoint
CREATE INDEX "links_of_request" ON "lethe"."links" ("request_id","id");--> statement-breakpoint
CREATE INDEX "hold_digests_active" ON "lethe"."hold_digests" ("project","kind","digest") WHERE active;--> statement-breakpoint
CREATE INDEX "holds_of_project" ON "lethe"."holds" ("project","kind",(CASE WHEN released_at IS NULL THEN 'active' ELSE 'released' END),"id");--> statement-breakpoint
CREATE INDEX "holds_of_case" ON "lethe"."holds" ("project","case_ref","id");--> statement-breakpoint
CREATE INDEX "suppression_digests_lookup" ON "lethe"."suppression_digests" ("project","kind","digest");--> statement-breakpoint
CREATE INDEX "suppressions_of_project" ON "lethe"."suppressions" ("project","kind",(CASE WHEN lifted_at IS NULL THEN 'active' ELSE 'lifted' END),"id");--> statement-breakpoint
CREATE INDEX "suppressions_of_request" ON "lethe"."suppressions" ("request_id","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_by_age" ON "lethe"."idempotency_keys" ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "members_of_project" ON "lethe"."members" ("project","name") WHERE removed_at IS NULL;--> statement-breakpoint
CREATE INDEX "tokens_of_member" ON "lethe"."tokens" ("member_id");--> statement-breakpoint
CREATE INDEX "tokens_by_minter" ON "lethe"."tokens" ("minted_by");--> statement-breakpoint
CREATE INDEX "deliveries_due" ON "lethe"."deliveries" ("project","channel","next_at") WHERE ended_at IS NULL;--> statement-breakpoint
CREATE INDEX "deliveries_to_dispatch" ON "lethe"."deliveries" ("dispatch_at") WHERE dispatch_at IS NOT NULL AND ended_at IS NULL AND attempts = 0;--> statement-breakpoint
CREATE INDEX "deliveries_pending" ON "lethe"."deliveries" ("request_id") WHERE ended_at IS NULL;--> statement-breakpoint
CREATE INDEX "deliveries_of_channel" ON "lethe"."deliveries" ("channel","at" DESC,"id" DESC);--> statement-breakpoint
CREATE INDEX "webhooks_of_project" ON "lethe"."webhooks" ("project") WHERE removed_at IS NULL;--> statement-breakpoint
CREATE INDEX "requests_of_project" ON "lethe"."requests" ("project","received_at" DESC,"id" DESC);--> statement-breakpoint
CREATE INDEX "requests_by_status" ON "lethe"."requests" ("project","status","received_at" DESC,"id" DESC);--> statement-breakpoint
CREATE INDEX "requests_by_regulation" ON "lethe"."requests" ("project","regulation","received_at" DESC,"id" DESC);--> statement-breakpoint
CREATE INDEX "requests_by_member" ON "lethe"."requests" ("project","submitted_by","received_at" DESC,"id" DESC);--> statement-breakpoint
CREATE INDEX "requests_open_of_project" ON "lethe"."requests" ("project","received_at" DESC,"id" DESC) WHERE concluded_at IS NULL;--> statement-breakpoint
CREATE INDEX "requests_unresolved" ON "lethe"."requests" ("project") WHERE resolved_at IS NULL AND concluded_at IS NULL;--> statement-breakpoint
CREATE INDEX "requests_open" ON "lethe"."requests" ("attended_at") WHERE concluded_at IS NULL;--> statement-breakpoint
CREATE INDEX "requests_to_dispatch" ON "lethe"."requests" ("dispatch_at") WHERE dispatch_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "requests_backups" ON "lethe"."requests" ("backup_of") WHERE backup_of IS NOT NULL;--> statement-breakpoint
CREATE INDEX "requests_export_first" ON "lethe"."requests" ("project") WHERE export_first AND concluded_at IS NULL;--> statement-breakpoint
CREATE INDEX "requests_open_exports" ON "lethe"."requests" ("project") WHERE kind = 'export' AND concluded_at IS NULL;--> statement-breakpoint
CREATE INDEX "identity_digests_lookup" ON "lethe"."identity_digests" ("project","kind","digest");--> statement-breakpoint
CREATE INDEX "matches_of_subject" ON "lethe"."matches" ("seq","request_id");--> statement-breakpoint
CREATE INDEX "subject_identities_same" ON "lethe"."subject_identities" ("digest","request_id");--> statement-breakpoint
CREATE UNIQUE INDEX "subjects_one_owner" ON "lethe"."subjects" ("project","kind","digest") WHERE CASE WHEN scope = 'data' AND state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling') THEN true END;--> statement-breakpoint
CREATE INDEX "subjects_due" ON "lethe"."subjects" ("project","hard_delete_at") WHERE CASE WHEN state IN ('resolved', 'soft_deleted', 'scheduled') THEN true END;--> statement-breakpoint
CREATE INDEX "subjects_batch" ON "lethe"."subjects" ("request_id","batch","seq") WHERE batch IS NOT NULL;--> statement-breakpoint
CREATE INDEX "subjects_attached" ON "lethe"."subjects" ("owner_request","owner_seq") WHERE state = 'attached';--> statement-breakpoint
CREATE INDEX "waits_stopped_idx" ON "lethe"."waits" ("project","stopped");--> statement-breakpoint
CREATE UNIQUE INDEX "manual_tasks_of_range" ON "lethe"."manual_tasks" ("request_id","system","batch","pass","first_seq");--> statement-breakpoint
CREATE INDEX "manual_tasks_of_project" ON "lethe"."manual_tasks" ("project","state","id" DESC);--> statement-breakpoint
ALTER TABLE "lethe"."archive_keys" ADD CONSTRAINT "archive_keys_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."archive_subject_keys" ADD CONSTRAINT "archive_subject_keys_request_id_archive_keys_request_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."archive_keys"("request_id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "lethe"."archives" ADD CONSTRAINT "archives_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."collected_tables" ADD CONSTRAINT "collected_tables_collection_fkey" FOREIGN KEY ("request_id","epoch","system") REFERENCES "lethe"."collections"("request_id","epoch","system");--> statement-breakpoint
ALTER TABLE "lethe"."collections" ADD CONSTRAINT "collections_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."links" ADD CONSTRAINT "links_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."hold_digests" ADD CONSTRAINT "hold_digests_hold_id_holds_id_fkey" FOREIGN KEY ("hold_id") REFERENCES "lethe"."holds"("id");--> statement-breakpoint
ALTER TABLE "lethe"."holds" ADD CONSTRAINT "holds_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."suppression_digests" ADD CONSTRAINT "suppression_digests_suppression_id_suppressions_id_fkey" FOREIGN KEY ("suppression_id") REFERENCES "lethe"."suppressions"("id");--> statement-breakpoint
ALTER TABLE "lethe"."suppression_systems" ADD CONSTRAINT "suppression_systems_suppression_id_suppressions_id_fkey" FOREIGN KEY ("suppression_id") REFERENCES "lethe"."suppressions"("id");--> statement-breakpoint
ALTER TABLE "lethe"."suppressions" ADD CONSTRAINT "suppressions_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."suppressions" ADD CONSTRAINT "suppressions_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."idempotency_keys" ADD CONSTRAINT "idempotency_keys_member_id_members_id_fkey" FOREIGN KEY ("member_id") REFERENCES "lethe"."members"("id");--> statement-breakpoint
ALTER TABLE "lethe"."idempotency_keys" ADD CONSTRAINT "idempotency_keys_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."members" ADD CONSTRAINT "members_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."tokens" ADD CONSTRAINT "tokens_member_id_members_id_fkey" FOREIGN KEY ("member_id") REFERENCES "lethe"."members"("id");--> statement-breakpoint
ALTER TABLE "lethe"."tokens" ADD CONSTRAINT "tokens_minted_by_tokens_id_fkey" FOREIGN KEY ("minted_by") REFERENCES "lethe"."tokens"("id");--> statement-breakpoint
ALTER TABLE "lethe"."deliveries" ADD CONSTRAINT "deliveries_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."deliveries" ADD CONSTRAINT "deliveries_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."deliveries" ADD CONSTRAINT "deliveries_task_id_manual_tasks_id_fkey" FOREIGN KEY ("task_id") REFERENCES "lethe"."manual_tasks"("id");--> statement-breakpoint
ALTER TABLE "lethe"."webhook_secrets" ADD CONSTRAINT "webhook_secrets_webhook_id_webhooks_id_fkey" FOREIGN KEY ("webhook_id") REFERENCES "lethe"."webhooks"("id");--> statement-breakpoint
ALTER TABLE "lethe"."webhooks" ADD CONSTRAINT "webhooks_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."request_counts" ADD CONSTRAINT "request_counts_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."requests" ADD CONSTRAINT "requests_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."requests" ADD CONSTRAINT "requests_backup_of_requests_id_fkey" FOREIGN KEY ("backup_of") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."system_outages" ADD CONSTRAINT "system_outages_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."system_pauses" ADD CONSTRAINT "system_pauses_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."waits" ADD CONSTRAINT "waits_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."manual_tasks" ADD CONSTRAINT "manual_tasks_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."manual_tasks" ADD CONSTRAINT "manual_tasks_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."attention" ADD CONSTRAINT "attention_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."batch_work" ADD CONSTRAINT "batch_work_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."blocked_subjects" ADD CONSTRAINT "blocked_subjects_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."range_tickets" ADD CONSTRAINT "range_tickets_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");--> statement-breakpoint
ALTER TABLE "lethe"."runs" ADD CONSTRAINT "runs_project_projects_name_fkey" FOREIGN KEY ("project") REFERENCES "lethe"."projects"("name");--> statement-breakpoint
ALTER TABLE "lethe"."system_visibility" ADD CONSTRAINT "system_visibility_request_id_requests_id_fkey" FOREIGN KEY ("request_id") REFERENCES "lethe"."requests"("id");
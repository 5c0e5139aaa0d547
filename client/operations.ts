/** Generated from docs/openapi.json by `npm run document`. */

export type NewRequest = NewDeletion | NewExport;
/**
 * Status of the request.
 *
 * - `received`: stored; the workflow has not started yet.
 * - `resolving`: Lethe finds the subjects of the submitted identities.
 * - `awaiting_confirmation`: deletion with `confirm`: counted, nothing is hidden yet.
 * - `grace`: deletion: the subjects wait for the run that claims them.
 * - `deleting`: deletion: claimed subjects are being hard-deleted.
 * - `verifying`: deletion: Lethe verifies that the data is gone, and verifies again after the settle period.
 * - `completed`: deletion, final: deleted and verified in every system that can be read.
 * - `not_found`: final: every system was searched, and none knows any of the subjects.
 * - `partially_completed`: deletion, final: completed except in systems that an operator skipped.
 * - `cancelled`: final: every subject was cancelled.
 * - `failed`: final: `failure` names the cause.
 * - `collecting`: export: every system is being read.
 * - `packaging`: export: the archive is being written.
 * - `ready`: export: the archive can be downloaded.
 * - `expired`: export, final: the archive key is destroyed.
 */
export type Status =
  | 'received'
  | 'resolving'
  | 'awaiting_confirmation'
  | 'grace'
  | 'deleting'
  | 'verifying'
  | 'completed'
  | 'not_found'
  | 'partially_completed'
  | 'cancelled'
  | 'failed'
  | 'collecting'
  | 'packaging'
  | 'ready'
  | 'expired';
/**
 * Count and confirmation of a deletion with `confirm`. Null for other requests.
 */
export type Confirmation = {
  /**
   * Who can confirm: any member with `write` access (`member`), or an owner other than the submitter (`another_owner`).
   */
  needs: 'member' | 'another_owner';
  /**
   * Time at which the confirmation expires: three days after the count. Null until the count is complete.
   */
  until: string | null;
  /**
   * Number to send as `expectedCount`, or the confirmed number. Subjects of identities that no system knows are not part of it. Null until every system was searched for them.
   */
  subjects: number | null;
  /**
   * Rows that each system counted. Subjects cancelled since then are included.
   */
  counts: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * Rows per table. Null if the system cannot count.
     */
    tables:
      | {
          /**
           * Name of the table.
           */
          table: string;
          /**
           * Number of rows.
           */
          rows: number;
        }[]
      | null;
  }[];
  /**
   * Exceptions of a deletion of everyone. Null without exceptions.
   */
  except: {
    /**
     * Number of submitted exceptions.
     */
    submitted: number;
    /**
     * Positions of the exceptions that match no subject and therefore exclude none.
     */
    unmatched: number[];
  } | null;
  /**
   * Time of the confirmation. Null before.
   */
  confirmedAt: string | null;
  /**
   * ID of the member who confirmed. Null before.
   */
  confirmedBy: string | null;
} | null;
/**
 * Suppressions that the deletion leaves. Null without `suppress`.
 */
export type Suppressed = {
  /**
   * Number of subjects whose suppression every system has, except skipped ones.
   */
  placed: number;
  /**
   * Number of subjects without it: they are not deleted yet, or a system cannot be reached. 0 once the request has ended.
   */
  pending: number;
  /**
   * Systems of the request that lack a suppression: they cannot be reached yet, or were skipped.
   */
  missingIn: string[];
} | null;
/**
 * Archive of an export. Null for deletions and until the archive is ready for the first time.
 */
export type Archive = {
  /**
   * Format of the rows in the archive.
   */
  format: 'ndjson' | 'csv';
  /**
   * Number of subjects whose rows deletions removed from the archive since it became ready. If it is not 0, `rows`, `bytes` and `sha256` are null; the manifest in each download has the current figures.
   */
  removedSubjects: number;
  /**
   * Number of rows. Null if subjects were removed.
   */
  rows: number | null;
  /**
   * Size of the ZIP file as downloaded. Null if subjects were removed.
   */
  bytes: number | null;
  /**
   * SHA-256 digest of the ZIP file as downloaded, in hexadecimal. Null if subjects were removed.
   */
  sha256: string | null;
  /**
   * Time at which the archive became ready.
   */
  readyAt: string;
  /**
   * Time at which Lethe destroys the archive key. The archive cannot be read from then on.
   */
  expiresAt: string;
  /**
   * Time at which the archive key was destroyed. Null while the archive can be read.
   */
  destroyedAt: string | null;
  /**
   * Why the archive key was destroyed: it expired, deletions claimed all subjects of the archive, or a member destroyed it. Null before.
   */
  reason: 'expired' | 'subject_deleted' | 'destroyed' | null;
} | null;
/**
 * Outcome of the submitted identity. Null until it is resolved.
 *
 * - `matched`: the identity belongs to at least one subject.
 * - `invalid`: the value cannot be an identity of its type, belongs to several subjects, or has blanks around it with which no system knows it; `reason` says which.
 * - `not_found`: every system was searched, and none knows the identity.
 * - `duplicate`: an earlier position names the same subjects; see `duplicateOf`.
 * - `attached`: another open deletion owns the subject; this request shares its outcome.
 * - `already_deleted`: an earlier deletion deleted the subject.
 * - `unknown`: the directory does not know the identity, and not every system has been searched for it yet.
 * - `soft_deleted`: the subject is hidden and waits for the claim, or is being hard-deleted.
 * - `held`: the subject is hidden, and a legal hold blocks the hard deletion.
 * - `cancelled`: the subject is cancelled and restored.
 * - `deleted`: the subject is deleted in every system, except for its `retained` rows and its `anonymised` own row.
 * - `partially_deleted`: the subject is deleted, except in a system that an operator skipped.
 * - `exported`: the data of the subject is in the archive.
 * - `left_out`: the archive does not contain the subject, because a deletion claimed it.
 */
export type Outcome =
  | 'matched'
  | 'invalid'
  | 'not_found'
  | 'duplicate'
  | 'attached'
  | 'already_deleted'
  | 'unknown'
  | 'soft_deleted'
  | 'held'
  | 'cancelled'
  | 'deleted'
  | 'partially_deleted'
  | 'exported'
  | 'left_out'
  | null;
export type Receipt = DeletionReceipt | ExportReceipt;

export interface Operations {
  /**
   * Create a deletion or export request
   */
  createRequest: {
    input: CreateRequestInput;
    output: AcceptedRequest;
  };
  /**
   * List requests
   */
  listRequests: {
    input: ListRequestsInput;
    output: {
      /**
       * Items of the page.
       */
      items: RequestSummary[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Create a request from a CSV file
   */
  uploadSubjects: {
    input: UploadSubjectsInput;
    output: AcceptedUpload;
  };
  /**
   * Get a request
   */
  getRequest: {
    input: GetRequestInput;
    output: RequestStatus;
  };
  /**
   * List the subjects of a request
   */
  listSubjects: {
    input: ListSubjectsInput;
    output: {
      /**
       * Items of the page.
       */
      items: Subject[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * List the invalid identities of a request
   */
  listFailures: {
    input: ListFailuresInput;
    output: {
      /**
       * Items of the page.
       */
      items: Failure[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Get the progress of a request
   */
  getProgress: {
    input: GetProgressInput;
    output: Progress;
  };
  /**
   * Confirm a deletion
   */
  confirmRequest: {
    input: ConfirmRequestInput;
    output: Confirmed;
  };
  /**
   * Cancel a request
   */
  cancelRequest: {
    input: CancelRequestInput;
    output: {
      /**
       * ID of the request.
       */
      id: string;
      /**
       * Number of cancelled subjects.
       */
      cancelled: number;
      /**
       * First 1000 positions whose subjects are claimed or deleted.
       */
      tooLate: number[];
      /**
       * Number of positions whose subjects are claimed or deleted.
       */
      tooLateCount: number;
    };
  };
  /**
   * Expedite a deletion
   */
  expediteRequest: {
    input: ExpediteRequestInput;
    output: {
      /**
       * ID of the request.
       */
      id: string;
      /**
       * Time from which subjects may be claimed and hard-deleted.
       */
      hardDeleteAt: string;
    };
  };
  /**
   * Retry systems that need attention
   */
  retryRequest: {
    input: RetryRequestInput;
    output: {
      /**
       * ID of the request.
       */
      id: string;
      /**
       * Systems that are retried.
       *
       * Items: Name of the system.
       */
      systems: string[];
    };
  };
  /**
   * Skip a system that needs attention
   */
  skipSystem: {
    input: SkipSystemInput;
    output: {
      /**
       * ID of the request.
       */
      id: string;
      /**
       * Name of the system.
       */
      system: string;
    };
  };
  /**
   * Get the receipt of a request
   */
  getReceipt: {
    input: GetReceiptInput;
    output: Receipt;
  };
  /**
   * Create a download link
   */
  createLink: {
    input: CreateLinkInput;
    output: CreatedLink;
  };
  /**
   * List download links
   */
  listLinks: {
    input: ListLinksInput;
    output: {
      /**
       * Items of the page.
       */
      items: Link[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Revoke a download link
   */
  revokeLink: {
    input: RevokeLinkInput;
    output: void;
  };
  /**
   * Destroy an archive
   */
  destroyArchive: {
    input: DestroyArchiveInput;
    output: void;
  };
  /**
   * List the audit events of a request
   */
  listRequestActivity: {
    input: ListRequestActivityInput;
    output: {
      /**
       * Items of the page.
       */
      items: AuditEvent[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * List the audit events of a request
   */
  listRequestActivityCsv: {
    input: ListRequestActivityCsvInput;
    output: Response;
  };
  /**
   * Look up an identity
   */
  lookUpSubject: {
    input: LookUpSubjectInput;
    output: LookupResult;
  };
  /**
   * List legal holds
   */
  listHolds: {
    input: ListHoldsInput;
    output: {
      /**
       * Items of the page.
       */
      items: HoldSummary[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Place a legal hold
   */
  placeHold: {
    input: PlaceHoldInput;
    output: Hold;
  };
  /**
   * Get a legal hold
   */
  getHold: {
    input: GetHoldInput;
    output: HoldSummary;
  };
  /**
   * Release a legal hold
   */
  releaseHold: {
    input: ReleaseHoldInput;
    output: void;
  };
  /**
   * List suppressions
   */
  listSuppressions: {
    input: ListSuppressionsInput;
    output: {
      /**
       * Items of the page.
       */
      items: SuppressionSummary[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Place a suppression
   */
  placeSuppression: {
    input: PlaceSuppressionInput;
    output: {
      /**
       * ID of the suppression.
       */
      id: string;
      /**
       * Time at which the suppression was placed.
       */
      since: string;
      /**
       * Systems that do not have the suppression: they have not applied it yet, were skipped, or were configured later. Empty when every system has it.
       */
      missingIn: string[];
    };
  };
  /**
   * Lift all suppressions of an identity
   */
  liftSuppression: {
    input: LiftSuppressionInput;
    output: {
      /**
       * ID of the suppression.
       */
      id: string;
      /**
       * Time at which the suppressions were lifted.
       */
      liftedAt: string;
    };
  };
  /**
   * Get a suppression
   */
  getSuppression: {
    input: GetSuppressionInput;
    output: SuppressionSummary;
  };
  /**
   * List systems
   */
  listSystems: {
    input: ListSystemsInput;
    output: {
      /**
       * Every system, in the order of the configuration.
       */
      items: System[];
    };
  };
  /**
   * Get a system
   */
  getSystem: {
    input: GetSystemInput;
    output: System;
  };
  /**
   * Pause a system
   */
  pauseSystem: {
    input: PauseSystemInput;
    output: System;
  };
  /**
   * Resume a system
   */
  resumeSystem: {
    input: ResumeSystemInput;
    output: System;
  };
  /**
   * List tasks
   */
  listTasks: {
    input: ListTasksInput;
    output: {
      /**
       * Items of the page.
       */
      items: Task[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Get a task
   */
  getTask: {
    input: GetTaskInput;
    output: TaskWithSubjects;
  };
  /**
   * Reveal the identities of a task
   */
  revealTask: {
    input: RevealTaskInput;
    output: {
      /**
       * Items of the page.
       */
      items: RevealedSubject[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Report that a task is done
   */
  completeTask: {
    input: CompleteTaskInput;
    output: {
      /**
       * ID of the task.
       */
      id: string;
      /**
       * State of the task.
       *
       * - `open`: a person has to act.
       * - `done`: a member said that it is done.
       * - `not_possible`: a member said that it is not possible, for all or for some of the subjects, which are blocked.
       * - `closed`: it is not needed any more, because the system was skipped or the subjects were cancelled.
       */
      state: 'open' | 'done' | 'not_possible' | 'closed';
    };
  };
  /**
   * Report that a task is not possible
   */
  declineTask: {
    input: DeclineTaskInput;
    output: {
      /**
       * ID of the task.
       */
      id: string;
      /**
       * State of the task.
       *
       * - `open`: a person has to act.
       * - `done`: a member said that it is done.
       * - `not_possible`: a member said that it is not possible, for all or for some of the subjects, which are blocked.
       * - `closed`: it is not needed any more, because the system was skipped or the subjects were cancelled.
       */
      state: 'open' | 'done' | 'not_possible' | 'closed';
    };
  };
  /**
   * List audit events
   */
  listActivity: {
    input: ListActivityInput;
    output: {
      /**
       * Items of the page.
       */
      items: AuditEvent[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * List audit events
   */
  listActivityCsv: {
    input: ListActivityCsvInput;
    output: Response;
  };
  /**
   * List members
   */
  listMembers: {
    input: ListMembersInput;
    output: {
      /**
       * Items of the page.
       */
      items: Member[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Add a member
   */
  addMember: {
    input: AddMemberInput;
    output: AddedMember;
  };
  /**
   * Remove a member
   */
  removeMember: {
    input: RemoveMemberInput;
    output: void;
  };
  /**
   * Create a token
   */
  createToken: {
    input: CreateTokenInput;
    output: CreatedToken;
  };
  /**
   * List tokens
   */
  listTokens: {
    input: ListTokensInput;
    output: {
      /**
       * Items of the page.
       */
      items: Token[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Revoke a token
   */
  revokeToken: {
    input: RevokeTokenInput;
    output: Revocation;
  };
  /**
   * Add a webhook
   */
  addWebhook: {
    input: AddWebhookInput;
    output: AddedWebhook;
  };
  /**
   * List webhooks
   */
  listWebhooks: {
    input: ListWebhooksInput;
    output: {
      /**
       * Items of the page.
       */
      items: Webhook[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Remove a webhook
   */
  removeWebhook: {
    input: RemoveWebhookInput;
    output: void;
  };
  /**
   * Rotate the secret of a webhook
   */
  rotateWebhookSecret: {
    input: RotateWebhookSecretInput;
    output: RotatedSecret;
  };
  /**
   * Re-enable a disabled webhook
   */
  enableWebhook: {
    input: EnableWebhookInput;
    output: void;
  };
  /**
   * List the deliveries of a webhook
   */
  listDeliveries: {
    input: ListDeliveriesInput;
    output: {
      /**
       * Items of the page.
       */
      items: Delivery[];
      /**
       * Cursor of the next page. Null on the last page.
       */
      nextCursor: string | null;
    };
  };
  /**
   * Retry a delivery
   */
  retryDelivery: {
    input: RetryDeliveryInput;
    output: void;
  };
}
export interface CreateRequestInput {
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: NewRequest;
}
export interface NewDeletion {
  /**
   * Kind of request.
   */
  kind: 'deletion';
  /**
   * Name of the project: a key of `projects` in lethe.config.ts.
   */
  project: string;
  /**
   * Regulation that applies, in any case. The policy of the project sets its deadline.
   */
  regulation: string;
  /**
   * Email address of a colleague, who receives a message when the archive is ready or the request ends. Must not be the address of a subject. No response contains it.
   */
  notify?: string | null;
  /**
   * Subjects to delete. Contains exactly one of `identities`, `segment` and `everyone`.
   */
  subjects: {
    /**
     * Kind of subject.
     */
    kind: 'user' | 'company';
    /**
     * Selects the subjects of these identities. The policy limits their number.
     *
     * @minItems 1
     * @maxItems 250000
     */
    identities?: Identity[];
    /**
     * Selects the users of this segment, except those that are soft-deleted. An unknown segment ends the request as `failed`.
     */
    segment?: string;
    /**
     * Selects all subjects of this kind, except those that are soft-deleted.
     */
    everyone?: true;
    /**
     * With `everyone`: identities to exclude. An identity of several subjects, such as an alias, excludes all of them.
     *
     * @minItems 1
     * @maxItems 250000
     */
    except?: Identity[];
  };
  /**
   * What is deleted.
   *
   * - `data`: the subjects.
   * - `categories`: the values of all columns except keys. Rows remain, nothing is hidden, and collection continues.
   * - `sources`: the values of columns that record how data was collected. Rows remain, as for `categories`.
   */
  scope?: 'data' | 'categories' | 'sources';
  /**
   * Leaves a suppression of every deleted subject in every system. Requires scope `data`.
   */
  suppress?: boolean;
  /**
   * What to do if another open deletion owns a subject.
   *
   * - `attach`: share the outcome of the other deletion.
   * - `reject`: reject the request with `subject_conflict`. Requires `identities`.
   */
  onConflict?: 'attach' | 'reject';
  /**
   * Dry run: counts the subjects and rows and hides nothing until `POST /v1/requests/{id}/confirm`. Required with `everyone`.
   */
  confirm?: boolean;
  /**
   * Claims the subjects before the end of the grace period.
   */
  expedite?: {
    /**
     * When subjects are claimed, instead of after the grace period.
     *
     * - `next_run`: claim at the next run.
     * - `now`: claim immediately, without waiting for a run.
     */
    when: 'next_run' | 'now';
    /**
     * Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person.
     */
    reason: string;
  } | null;
  /**
   * Exports the data before the deletion: subjects are claimed only once the archive is ready. The policy may require it for every deletion.
   */
  exportFirst?: boolean;
}
/**
 * Identity of a subject.
 */
export interface Identity {
  /**
   * Identity type that the data map of the project defines.
   */
  type: string;
  /**
   * A string, or one string per column of a composite type. The database compares it. Blanks around it are removed, except for types that compare exactly.
   */
  value: string | string[];
}
export interface NewExport {
  /**
   * Kind of request.
   */
  kind: 'export';
  /**
   * Name of the project: a key of `projects` in lethe.config.ts.
   */
  project: string;
  /**
   * Regulation that applies, in any case. The policy of the project sets its deadline.
   */
  regulation: string;
  /**
   * Email address of a colleague, who receives a message when the archive is ready or the request ends. Must not be the address of a subject. No response contains it.
   */
  notify?: string | null;
  /**
   * Subjects to export. Contains exactly one of `identities`, `segment` and `everyone`; `everyone` requires an owner's token.
   */
  subjects: {
    /**
     * Kind of subject.
     */
    kind: 'user' | 'company';
    /**
     * Selects the subjects of these identities. The policy limits their number.
     *
     * @minItems 1
     * @maxItems 250000
     */
    identities?: Identity[];
    /**
     * Selects the users of this segment, except those that are soft-deleted. An unknown segment ends the request as `failed`.
     */
    segment?: string;
    /**
     * Selects all subjects of this kind, except those that are soft-deleted.
     */
    everyone?: true;
  };
  /**
   * What is exported.
   *
   * - `data`: the rows; for regulation `ccpa`, the rows of the last twelve months.
   * - `categories`: tables and columns that hold a value, with their meaning and without any value.
   * - `sources`: the columns that record how data was collected.
   */
  scope?: 'data' | 'categories' | 'sources';
  /**
   * Format of the rows in the archive.
   *
   * - `ndjson`: lossless; can be loaded into a table again.
   * - `csv`: for spreadsheets; formulas are escaped.
   */
  format?: 'ndjson' | 'csv';
}
export interface AcceptedRequest {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * `received`. For a repeated call with the same `Idempotency-Key`: the current status.
   */
  status:
    | 'received'
    | 'resolving'
    | 'awaiting_confirmation'
    | 'grace'
    | 'deleting'
    | 'verifying'
    | 'completed'
    | 'not_found'
    | 'partially_completed'
    | 'cancelled'
    | 'failed'
    | 'collecting'
    | 'packaging'
    | 'ready'
    | 'expired';
  /**
   * Kind of request.
   */
  kind: 'export' | 'deletion';
  /**
   * Name of the project.
   */
  project: string;
  /**
   * Regulation that sets the deadline of the request.
   */
  regulation: string;
  /**
   * Number of submitted identities. 0 for a segment or everyone until it is resolved.
   */
  submitted: number;
  /**
   * Time of the submission.
   */
  receivedAt: string;
  /**
   * Deadline: the time of the submission plus the deadline of the regulation in the policy.
   */
  dueAt: string;
  /**
   * Time from which subjects may be claimed and hard-deleted. Null for exports.
   */
  hardDeleteAt: string | null;
  /**
   * Earliest time at which a subject may be claimed and can no longer be cancelled. Null for exports, which can be cancelled until they are ready.
   */
  cancellableUntil: string | null;
  /**
   * Estimated time at which the request ends, based on the runs, the quota and the slowest system.
   */
  estimatedCompletionAt: string;
  /**
   * Whether the request will miss or has missed `dueAt`.
   */
  atRisk: boolean;
  /**
   * Paths of the resources of the request.
   */
  links: {
    /**
     * Path of the request.
     */
    self: string;
    /**
     * Path of the submitted identities and their outcomes.
     */
    subjects: string;
    /**
     * Path of the submitted identities that are invalid.
     */
    failures: string;
    /**
     * Path of the progress.
     */
    progress: string;
    /**
     * Path of the receipt.
     */
    receipt: string;
    /**
     * Path of the audit events of the request.
     */
    log: string;
    /**
     * Path that confirms a deletion with `confirm`.
     */
    confirm: string;
    /**
     * Path that destroys the archive of an export.
     */
    archive: string;
    /**
     * Path of the download links of an export.
     */
    downloads: string;
  };
}
export interface ListRequestsInput {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project?: string;
  /**
   * Matches requests of this kind.
   */
  kind?: 'export' | 'deletion';
  /**
   * Matches requests in one of these statuses. Separate several values by commas.
   */
  status?: (
    | 'received'
    | 'resolving'
    | 'awaiting_confirmation'
    | 'grace'
    | 'deleting'
    | 'verifying'
    | 'completed'
    | 'not_found'
    | 'partially_completed'
    | 'cancelled'
    | 'failed'
    | 'collecting'
    | 'packaging'
    | 'ready'
    | 'expired'
  )[];
  /**
   * Matches requests under this regulation, in any case. Example: `gdpr`.
   */
  regulation?: string;
  /**
   * Matches requests received at or after this time. Example: `2026-11-23T00:00:00Z`.
   */
  receivedFrom?: string;
  /**
   * Matches requests received before this time. Example: `2026-11-23T00:00:00Z`.
   */
  receivedBefore?: string;
  /**
   * Matches requests that this member submitted.
   */
  submittedBy?: string;
  /**
   * Matches requests that need an operator (`true`) or do not (`false`).
   */
  needsAttention?: boolean;
  /**
   * Matches requests that will miss or have missed `dueAt` (`true`) or not (`false`).
   */
  atRisk?: boolean;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface RequestSummary {
  /**
   * ID of the request.
   */
  id: string;
  status: Status;
  /**
   * Kind of request.
   */
  kind: 'export' | 'deletion';
  /**
   * Kind of subject.
   */
  subjectKind: 'user' | 'company';
  /**
   * Regulation that sets the deadline of the request.
   */
  regulation: string;
  /**
   * How the request selects its subjects.
   */
  selection: 'identities' | 'segment' | 'everyone';
  /**
   * Number of submitted identities. 0 for a segment or everyone until it is resolved.
   */
  submitted: number;
  /**
   * ID of the member who submitted the request.
   */
  submittedBy: string;
  /**
   * Time of the submission.
   */
  receivedAt: string;
  /**
   * Deadline: the time of the submission plus the deadline of the regulation in the policy.
   */
  dueAt: string;
  /**
   * Time from which subjects may be claimed and hard-deleted. Null for exports.
   */
  hardDeleteAt: string | null;
  /**
   * Estimated time at which the request ends, based on the runs, the quota and the slowest system.
   */
  estimatedCompletionAt: string;
  /**
   * Whether the request will miss or has missed `dueAt`.
   */
  atRisk: boolean;
  /**
   * Whether a step needs an operator.
   */
  needsAttention: boolean;
  /**
   * Time at which the request ended. Null while it is open.
   */
  concludedAt: string | null;
  /**
   * Path of the request.
   */
  href: string;
}
export interface UploadSubjectsInput {
  /**
   * Project of the subjects: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project: string;
  /**
   * Kind of request. Example: `deletion`.
   */
  kind: 'export' | 'deletion';
  /**
   * Regulation that applies, in any case. The policy of the project sets its deadline. Example: `gdpr`.
   */
  regulation: string;
  /**
   * Kind of all subjects in the file.
   */
  subjects: 'user' | 'company';
  /**
   * Identity type of all lines. Example: `user_id`.
   */
  type: string;
  /**
   * Columns that hold the identity, by name or by number from 1, separated by commas. A composite type needs one column for each part. Without a header, the default is the first columns. With a header, it is the column with the name of the type, or all columns in their order if there are as many as parts; the parameter is required for other headers. A name is found in any case. Example: `email,business_unit`.
   */
  columns?: string;
  /**
   * Whether the first line that is not blank contains the names of the columns. By default it does if a column has one of the names in `columns`, or the name of the type, in any case; the parameter is required for another line, which may be a subject.
   */
  header?: 'present' | 'absent';
  /**
   * Character between two columns. By default it is the one after `sep=` in the first line, or the one that separates a header with these names, or a comma. The parameter is required if an identity then contains another of these characters.
   */
  delimiter?: ',' | ';' | 'tab' | '|';
  /**
   * For deletions: leaves a suppression of every deleted subject in every system. Requires scope `data`.
   */
  suppress?: boolean;
  /**
   * For deletions: what to do if another open deletion owns a subject. `attach` shares its outcome, `reject` rejects the whole upload.
   */
  onConflict?: 'attach' | 'reject';
  /**
   * For deletions, a dry run: counts the subjects and rows and hides nothing until `POST /v1/requests/{id}/confirm`.
   */
  confirm?: boolean;
  /**
   * For deletions: claims the subjects before the end of the grace period, at the next run or now. Requires `reason`.
   */
  expedite?: 'next_run' | 'now';
  /**
   * Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person. Example: `ticket 4711`.
   */
  reason?: string;
  /**
   * What is deleted or exported, as in `POST /v1/requests`: `data`, `categories` or `sources`.
   */
  scope?: 'data' | 'categories' | 'sources';
  /**
   * For exports: format of the rows in the archive, `ndjson` (default) or `csv`.
   */
  format?: 'ndjson' | 'csv';
  /**
   * For deletions: exports the data before the deletion: subjects are claimed only once the archive is ready.
   */
  exportFirst?: boolean;
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: string | Blob | ReadableStream<Uint8Array>;
}
export interface AcceptedUpload {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * `received`. For a repeated call with the same `Idempotency-Key`: the current status.
   */
  status:
    | 'received'
    | 'resolving'
    | 'awaiting_confirmation'
    | 'grace'
    | 'deleting'
    | 'verifying'
    | 'completed'
    | 'not_found'
    | 'partially_completed'
    | 'cancelled'
    | 'failed'
    | 'collecting'
    | 'packaging'
    | 'ready'
    | 'expired';
  /**
   * Kind of request.
   */
  kind: 'export' | 'deletion';
  /**
   * Name of the project.
   */
  project: string;
  /**
   * Regulation that sets the deadline of the request.
   */
  regulation: string;
  /**
   * Number of submitted identities: all lines that are not blank.
   */
  submitted: number;
  /**
   * Time of the submission.
   */
  receivedAt: string;
  /**
   * Deadline: the time of the submission plus the deadline of the regulation in the policy.
   */
  dueAt: string;
  /**
   * Time from which subjects may be claimed and hard-deleted. Null for exports.
   */
  hardDeleteAt: string | null;
  /**
   * Earliest time at which a subject may be claimed and can no longer be cancelled. Null for exports, which can be cancelled until they are ready.
   */
  cancellableUntil: string | null;
  /**
   * Estimated time at which the request ends, based on the runs, the quota and the slowest system.
   */
  estimatedCompletionAt: string;
  /**
   * Whether the request will miss or has missed `dueAt`.
   */
  atRisk: boolean;
  /**
   * Paths of the resources of the request.
   */
  links: {
    /**
     * Path of the request.
     */
    self: string;
    /**
     * Path of the submitted identities and their outcomes.
     */
    subjects: string;
    /**
     * Path of the submitted identities that are invalid.
     */
    failures: string;
    /**
     * Path of the progress.
     */
    progress: string;
    /**
     * Path of the receipt.
     */
    receipt: string;
    /**
     * Path of the audit events of the request.
     */
    log: string;
    /**
     * Path that confirms a deletion with `confirm`.
     */
    confirm: string;
    /**
     * Path that destroys the archive of an export.
     */
    archive: string;
    /**
     * Path of the download links of an export.
     */
    downloads: string;
  };
  /**
   * Result per line: `total` is the sum of the counts after it.
   */
  lines: {
    /**
     * Names of columns that were found in the header, as the call spells them. Empty if `header=present` declares a line without them, and `absent` if the first line is a subject. No other text of the file is repeated.
     */
    header: 'absent' | string[];
    /**
     * Number of lines after the header.
     */
    total: number;
    /**
     * Number of lines with a valid identity.
     */
    accepted: number;
    /**
     * Number of lines that repeat an earlier line in the same spelling.
     */
    merged: number;
    /**
     * Number of lines that are not a valid identity.
     */
    failed: number;
    /**
     * Number of blank lines.
     */
    blank: number;
  };
  /**
   * First 100 lines that are not a valid identity. `links.failures` lists all of them.
   */
  failures: {
    /**
     * Line in the file, from 1.
     */
    line: number;
    /**
     * Code of the reason, as in `GET /v1/requests/{id}/subjects`.
     */
    reason: string;
  }[];
  /**
   * First 100 duplicate lines.
   */
  mergedInto: {
    /**
     * Line in the file, from 1.
     */
    line: number;
    /**
     * Earlier line with the same identity.
     */
    into: number;
  }[];
}
export interface GetRequestInput {
  /**
   * ID of the request.
   */
  id: string;
}
export interface RequestStatus {
  /**
   * ID of the request.
   */
  id: string;
  status: Status;
  /**
   * Kind of request.
   */
  kind: 'export' | 'deletion';
  /**
   * Name of the project.
   */
  project: string;
  /**
   * Kind of subject.
   */
  subjectKind: 'user' | 'company';
  /**
   * Regulation that sets the deadline of the request.
   */
  regulation: string;
  /**
   * Part of the data that the request covers.
   *
   * - `data`: the whole subject.
   * - `categories`: the values of all columns except keys (deletion), or which columns hold a value (export).
   * - `sources`: the columns that record how personal data was collected.
   */
  scope: 'data' | 'categories' | 'sources';
  /**
   * How the request selects its subjects.
   */
  selection: 'identities' | 'segment' | 'everyone';
  /**
   * Whether the deletion leaves a suppression in every system.
   */
  suppress: boolean;
  /**
   * When subjects are claimed, instead of after the grace period.
   *
   * - `next_run`: claim at the next run.
   * - `now`: claim immediately, without waiting for a run.
   *
   * Null if the request is not expedited.
   */
  expedite: 'next_run' | 'now' | null;
  /**
   * Whether the deletion claims only subjects whose data is in an archive that is ready.
   */
  exportFirst: boolean;
  /**
   * Format of the rows in the archive. Null for deletions.
   */
  format: 'ndjson' | 'csv' | null;
  /**
   * ID of the deletion that waits for this export. Null for deletions and other exports.
   */
  backupOf: string | null;
  /**
   * Time of the submission.
   */
  receivedAt: string;
  /**
   * Time at which the subjects were resolved. Null before.
   */
  resolvedAt: string | null;
  /**
   * Deadline: the time of the submission plus the deadline of the regulation in the policy.
   */
  dueAt: string;
  /**
   * Time from which subjects may be claimed and hard-deleted. Null for exports.
   */
  hardDeleteAt: string | null;
  /**
   * Earliest run that may claim a subject that waits. Null if no subject waits.
   */
  cancellableUntil: string | null;
  /**
   * Estimated time at which the request ends, based on the runs, the quota and the slowest system.
   */
  estimatedCompletionAt: string;
  /**
   * Whether the request will miss or has missed `dueAt`.
   */
  atRisk: boolean;
  /**
   * Time at which the request ended. Null while it is open.
   */
  concludedAt: string | null;
  /**
   * Why the request failed: `unknown_segment` if the directory has no segment of this name, `too_many_subjects` if it has more than `policy.subjectsPerSegment` subjects, `no_valid_identity` if it names no subject and an identity belongs to several subjects, or all identities are invalid. Null unless the status is `failed`.
   */
  failure: string | null;
  /**
   * Number of subjects, in total and per state.
   */
  subjects: {
    /**
     * Number of submitted identities. 0 for a segment or everyone until it is resolved.
     */
    submitted: number;
    /**
     * Number of subjects that the request resolved to.
     */
    resolved: number;
    /**
     * Number of subjects per state.
     */
    states: {
      /**
       * Counted subjects that wait for the confirmation.
       */
      proposed: number;
      /**
       * Subjects that are found and not hidden yet.
       */
      resolved: number;
      /**
       * Hidden subjects that wait for the claim.
       */
      soft_deleted: number;
      /**
       * Subjects that are being hard-deleted. They cannot be cancelled.
       */
      claimed: number;
      /**
       * Subjects whose deletion has ended.
       */
      deleted: number;
      /**
       * Subjects that are deleted except in a system that an operator skipped.
       */
      partially_deleted: number;
      /**
       * Cancelled subjects that are being restored.
       */
      cancelling: number;
      /**
       * Cancelled subjects that are restored.
       */
      cancelled: number;
      /**
       * Subjects that another open deletion owns.
       */
      attached: number;
      /**
       * Subjects that no system knows.
       */
      not_found: number;
      /**
       * Part deletion: subjects that wait for the claim. They are not hidden.
       */
      scheduled: number;
      /**
       * Export: subjects that belong in the archive.
       */
      selected: number;
      /**
       * Export: subjects that are in the archive.
       */
      exported: number;
      /**
       * Export: subjects that a deletion claimed.
       */
      left_out: number;
    };
  };
  confirmation: Confirmation;
  /**
   * Number of subjects that a legal hold protects.
   */
  heldSubjects: number;
  /**
   * Steps that need an operator. The other steps continue.
   */
  attention: Attention[];
  /**
   * Systems that no step of the request calls now, and tasks of people. The request continues by itself.
   */
  waits: Wait[];
  /**
   * Systems whose deletion Lethe cannot verify by reading. They report it themselves or not at all.
   */
  unverified: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * `attested`: the system reports the deletion. `person`: a person reports it. `none`: there is no report.
     */
    level: 'attested' | 'person' | 'none';
    /**
     * Time of the latest report of the system. Null before the first one.
     */
    saidAt: string | null;
  }[];
  /**
   * Systems in which the subjects are not hidden. Empty for exports and part deletions.
   */
  notHiddenIn: string[];
  /**
   * Systems that cannot delete only this part of the data, and keep it. Empty for exports and scope `data`.
   */
  notCoveredIn: string[];
  /**
   * Systems that an operator skipped.
   */
  skipped: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * Reason that the operator gave.
     */
    reason: string | null;
    /**
     * Time of the skip.
     */
    at: string;
  }[];
  /**
   * Exports that a deletion with `exportFirst` waits for. Empty for other requests.
   */
  backups: Backup[];
  suppression: Suppressed;
  archive: Archive;
  /**
   * Paths of the resources of the request.
   */
  links: {
    /**
     * Path of the request.
     */
    self: string;
    /**
     * Path of the submitted identities and their outcomes.
     */
    subjects: string;
    /**
     * Path of the submitted identities that are invalid.
     */
    failures: string;
    /**
     * Path of the progress.
     */
    progress: string;
    /**
     * Path of the receipt.
     */
    receipt: string;
    /**
     * Path of the audit events of the request.
     */
    log: string;
    /**
     * Path that confirms a deletion with `confirm`.
     */
    confirm: string;
    /**
     * Path that destroys the archive of an export.
     */
    archive: string;
    /**
     * Path of the download links of an export.
     */
    downloads: string;
  };
}
export interface Attention {
  /**
   * Name of the system.
   */
  system: string;
  /**
   * Step that needs an operator.
   *
   * - `resolve`: find the subjects.
   * - `inspect`: check the system and its data map before the claim.
   * - `visibility`: hide or restore subjects.
   * - `delete`: hard-delete a batch.
   * - `verify`: verify a batch.
   * - `suppress`: place the suppressions of a deletion.
   * - `conclude`: remove what the connector stored for the request.
   * - `collect`: read the data of an export.
   * - `package`: write the archive.
   * - `backup`: make the export that precedes the deletion.
   */
  step:
    | 'resolve'
    | 'inspect'
    | 'visibility'
    | 'delete'
    | 'verify'
    | 'suppress'
    | 'conclude'
    | 'collect'
    | 'package'
    | 'backup';
  /**
   * Why an operator is needed.
   *
   * - `system_unavailable`: the system cannot be reached.
   * - `system_refused`: the system rejects the call.
   * - `system_missing`: lethe.config.ts no longer contains the system.
   * - `coverage_broken`: the data map does not cover the schema of the system.
   * - `resolution_grew`: far more subjects match than when the request was resolved.
   * - `survivors_remain`: verification still finds rows after repeated deletion.
   * - `verification_unknown`: the system cannot be read for verification.
   * - `blocked_by_other_rows`: some subjects cannot be deleted: a constraint or a trigger prevents it, such as a reference from rows outside the data map, an object is locked, or a person says that it is not possible. The others are deleted.
   * - `storage_unavailable`: the archive storage cannot be reached.
   * - `backup_failing`: the export that precedes the deletion needs an operator.
   * - `backup_missing`: the export that precedes the deletion ended without an archive.
   */
  code:
    | 'system_unavailable'
    | 'system_refused'
    | 'system_missing'
    | 'coverage_broken'
    | 'resolution_grew'
    | 'survivors_remain'
    | 'verification_unknown'
    | 'blocked_by_other_rows'
    | 'storage_unavailable'
    | 'backup_failing'
    | 'backup_missing';
  /**
   * Time of the first failure.
   */
  since: string;
  /**
   * Time of the next automatic retry. Null if only an operator can retry.
   */
  retryAt: string | null;
  /**
   * What an operator can do.
   */
  remedy: string;
  /**
   * For `blocked_by_other_rows`: what prevents the deletion of which subjects. Otherwise empty.
   */
  blocked: BlockedBy[];
}
export interface BlockedBy {
  /**
   * Table of the system whose rows or constraint prevent the deletion, name of objects, or ID of a task. Null if the system names none, as with an error of a trigger.
   */
  table: string | null;
  /**
   * Name of the constraint. `object_lock`, `immutable` or `identity_without_key` for files, and `not_possible` for a task.
   */
  constraint: string | null;
  /**
   * Number of subjects that are blocked by it.
   */
  subjects: number;
  /**
   * First 1000 positions of these subjects in the submitted list.
   */
  positions: number[];
}
export interface Wait {
  /**
   * Name of the system.
   */
  system: string;
  /**
   * What the request waits for.
   *
   * - `rate_limit`: its rate limit is used up until `until`.
   * - `task`: a person has to delete there. `until` is when the task is due.
   * - `paused`: an operator has paused it.
   * - `system_unavailable`: it does not answer.
   * - `storage_unavailable`: the archive storage does not answer.
   * - `system_refused`: it rejects every call.
   * - `coverage_broken`: the data map does not cover its schema.
   */
  reason:
    | 'rate_limit'
    | 'task'
    | 'paused'
    | 'system_unavailable'
    | 'storage_unavailable'
    | 'system_refused'
    | 'coverage_broken';
  /**
   * Time since which a step waits.
   */
  since: string;
  /**
   * Time at which the request continues. Null until the system is called again.
   */
  until: string | null;
}
export interface Backup {
  /**
   * ID of the export request.
   */
  requestId: string;
  status: Status;
  /**
   * Time at which the archive became ready. Null before.
   */
  readyAt: string | null;
  /**
   * Time at which the archive expires. Null until it is ready.
   */
  expiresAt: string | null;
  /**
   * Number of subjects of the export.
   */
  subjects: number;
}
export interface ListSubjectsInput {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface Subject {
  /**
   * Position in the submitted list, from 1. Subjects of a segment or of everyone are numbered.
   */
  position: number;
  /**
   * Line in the uploaded file. Null without an upload.
   */
  line: number | null;
  /**
   * Identity type.
   */
  type: string;
  /**
   * One string per column of the identity type. Null if the value is invalid, and once its subjects are purged.
   */
  value: string[] | null;
  outcome: Outcome;
  /**
   * Retained rows of the deleted subjects per basis, over all systems. Empty if no row is retained.
   */
  retained: {
    /**
     * Reason in the data map for retaining the rows.
     */
    basis: string;
    /**
     * Number of retained rows.
     */
    rows: number;
  }[];
  /**
   * Own rows of the deleted subjects that were kept with replaced values, over all systems.
   */
  anonymised: {
    /**
     * Number of anonymised rows. 0 if the data map anonymises none.
     */
    rows: number;
    /**
     * Columns whose values were replaced. Empty if no row is anonymised.
     */
    columns: string[];
  };
  /**
   * Code of the reason for outcome `invalid`, such as `ambiguous`, `not_a_uuid` or `surrounding_whitespace`. Null otherwise.
   */
  reason: string | null;
  /**
   * Earlier position that names the same subjects. Null otherwise.
   */
  duplicateOf: number | null;
  /**
   * Number of identities of the subjects at this position.
   */
  identityCount: number;
  /**
   * First 100 identities of the subjects. Empty once the subjects are purged.
   */
  identities: {
    /**
     * Identity type.
     */
    type: string;
    /**
     * One string per column of the identity type.
     */
    value: string[];
    /**
     * How Lethe found the identity: `key` of the subject, `submitted` with the request, further `identity` of the subject, or `alias`.
     */
    origin: 'key' | 'submitted' | 'identity' | 'alias';
    /**
     * Whether another subject has the same identity. Data under a shared identity is kept.
     */
    shared: boolean;
  }[];
}
export interface ListFailuresInput {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface Failure {
  /**
   * Position in the submitted list, from 1.
   */
  position: number;
  /**
   * Line in the uploaded file. Null without an upload.
   */
  line: number | null;
  /**
   * Identity type.
   */
  type: string;
  /**
   * Code of the reason.
   */
  reason: string;
}
export interface GetProgressInput {
  /**
   * ID of the request.
   */
  id: string;
}
export interface Progress {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * Status of the request.
   */
  status:
    | 'received'
    | 'resolving'
    | 'awaiting_confirmation'
    | 'grace'
    | 'deleting'
    | 'verifying'
    | 'completed'
    | 'not_found'
    | 'partially_completed'
    | 'cancelled'
    | 'failed'
    | 'collecting'
    | 'packaging'
    | 'ready'
    | 'expired';
  /**
   * Claimed batches per system. Empty for exports.
   */
  batches: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * Number of the batch in the request, from 1.
     */
    batch: number;
    /**
     * State of the batch in the system.
     *
     * - `pending`: the deletion has not started.
     * - `deleting`: the batch is being hard-deleted.
     * - `verifying`: the batch is being verified.
     * - `verified`: the system was read again and holds no rows of the subjects.
     * - `attested`: the system reports the deletion; Lethe cannot verify it by reading.
     * - `unverified`: the system reports nothing.
     * - `attention`: the system needs an operator.
     * - `skipped`: an operator skipped the system.
     */
    state: 'pending' | 'deleting' | 'verifying' | 'verified' | 'attested' | 'unverified' | 'attention' | 'skipped';
    /**
     * Number of the deletion attempt, from 1. Verification that finds survivors starts the next one.
     */
    pass: number;
    /**
     * Number of subjects in the batch.
     */
    subjects: number;
    /**
     * Number of subjects that the system could not delete.
     */
    blocked: number;
    /**
     * Number of subjects that this pass has processed.
     */
    finished: number;
    /**
     * Number of rows deleted in all passes. Null if the system does not report it.
     */
    removed: number | null;
    /**
     * Part deletion: number of rows whose columns were cleared in all passes.
     */
    blanked: number;
    /**
     * Number of rows that belong to no subject and whose reference to one was removed or replaced in all passes.
     */
    detached: number;
    /**
     * Number of own rows of the subjects that were kept with replaced values in all passes.
     */
    anonymised: number;
  }[];
  /**
   * Progress per system. Empty for deletions.
   */
  collections: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * Version of the subjects in the archive, from 1. A change of the subjects starts the next one.
     */
    epoch: number;
    /**
     * Whether the system has been read for this version.
     */
    state: 'pending' | 'collected';
    /**
     * Number of rows read so far.
     */
    rows: number;
    /**
     * Uncompressed size of the rows in the archive.
     */
    bytes: number;
  }[];
  /**
   * State from Temporal. Null if Temporal is unavailable or the request has ended.
   */
  live: {
    /**
     * What the workflow waits for, in words. Null if no worker answers.
     */
    waitingFor: string | null;
    /**
     * Activities that run or wait for a retry.
     */
    activities: {
      /**
       * Name of the system. Null for a step of the request itself.
       */
      system: string | null;
      /**
       * Name of the activity in Temporal.
       */
      activity: string;
      /**
       * Number of the attempt, from 1.
       */
      attempt: number;
      /**
       * Time of the next attempt. Null while an attempt is running.
       */
      nextAttemptAt: string | null;
    }[];
  } | null;
}
export interface ConfirmRequestInput {
  /**
   * ID of the request.
   */
  id: string;
  body: NewConfirmation;
}
export interface NewConfirmation {
  /**
   * Number of subjects to delete: `confirmation.subjects` of the request.
   */
  expectedCount: number;
  /**
   * Confirms although some exceptions match no subject.
   */
  acceptUnmatched?: boolean;
}
export interface Confirmed {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * Number of confirmed subjects.
   */
  subjects: number;
  /**
   * Number of confirmed subjects that another open deletion owns. They share its outcome.
   */
  attached: number;
  /**
   * Run from which subjects may be claimed. The grace period starts with the confirmation.
   */
  hardDeleteAt: string;
  /**
   * Earliest time at which a subject may be claimed. Claimed subjects cannot be cancelled.
   */
  cancellableUntil: string;
  /**
   * Estimated time at which the request ends, based on the runs, the quota and the slowest system.
   */
  estimatedCompletionAt: string;
}
export interface CancelRequestInput {
  /**
   * ID of the request.
   */
  id: string;
  body: Cancellation;
}
export interface Cancellation {
  /**
   * Positions in the submitted list, from 1. Omit it to cancel all subjects.
   *
   * @minItems 1
   * @maxItems 100000
   */
  positions?: number[];
}
export interface ExpediteRequestInput {
  /**
   * ID of the request.
   */
  id: string;
  body: Expedite;
}
export interface Expedite {
  /**
   * When subjects are claimed, instead of after the grace period.
   *
   * - `next_run`: claim at the next run.
   * - `now`: claim immediately, without waiting for a run.
   */
  when: 'next_run' | 'now';
  /**
   * Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person.
   */
  reason: string;
}
export interface RetryRequestInput {
  /**
   * ID of the request.
   */
  id: string;
  body: Retry;
}
export interface Retry {
  /**
   * Name of the system. Omit it to retry all systems.
   */
  system?: string;
  /**
   * Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person.
   */
  reason: string;
}
export interface SkipSystemInput {
  /**
   * ID of the request.
   */
  id: string;
  body: Skip;
}
export interface Skip {
  /**
   * Name of the system.
   */
  system: string;
  /**
   * Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person.
   */
  reason: string;
}
export interface GetReceiptInput {
  /**
   * ID of the request.
   */
  id: string;
}
export interface DeletionReceipt {
  /**
   * ID of the request.
   */
  requestId: string;
  /**
   * Kind of request.
   */
  kind: 'deletion';
  /**
   * Kind of subject.
   */
  subjectKind: string;
  /**
   * Name of the project.
   */
  project: string;
  /**
   * Regulation that sets the deadline of the request.
   */
  regulation: string;
  /**
   * Part of the data that the request covers: `data`, `categories` or `sources`.
   */
  scope: string;
  /**
   * Status of the request.
   */
  status: string;
  /**
   * Whether the request has ended. An interim receipt changes while subjects wait or are being deleted.
   */
  final: boolean;
  /**
   * Time of the submission.
   */
  receivedAt: string;
  /**
   * Deadline: the time of the submission plus the deadline of the regulation in the policy.
   */
  dueAt: string;
  /**
   * Time at which the request ended. Null while it is open.
   */
  concludedAt: string | null;
  /**
   * Number of submitted identities. 0 for a segment or everyone until it is resolved.
   */
  submitted: number;
  /**
   * Number of subjects per state.
   */
  subjects: {
    [k: string]: number;
  };
  /**
   * Number of submitted identities per outcome.
   */
  outcomes: {
    [k: string]: number;
  };
  /**
   * Result in each system.
   */
  systems: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * Least advanced state of the batches in the system.
     */
    state: string;
    /**
     * Time of the latest verification. Null before.
     */
    verifiedAt: string | null;
    /**
     * Why an operator skipped the system. Null otherwise.
     */
    skipReason: string | null;
    /**
     * Number of rows that verification still finds. Null if the system was not read.
     */
    survivors: number | null;
    /**
     * Proof of the deletion. Null until the system is done.
     */
    proof: {
      /**
       * Weakest proof of all batches. `read`: Lethe searched and found nothing. `attested`: the system reports the deletion. `person`: a person reports it. `none`: there is no report.
       */
      level: string;
      /**
       * Tables that Lethe searched.
       */
      read: string[];
      /**
       * Data that Lethe cannot search and that only a report of the system covers.
       */
      attested: string[];
      /**
       * Time of the latest report of the system. Null before the first one.
       */
      saidAt: string | null;
      /**
       * IDs of the members who reported it. Empty unless a person did.
       */
      saidBy: string[];
    } | null;
    /**
     * Rows per table.
     */
    tables: {
      /**
       * Name of the table.
       */
      table: string;
      /**
       * Number of deleted rows. Null if the system does not report it.
       */
      removed: number | null;
      /**
       * With `removed: null`, number of subjects that the system was asked to delete. Null otherwise.
       */
      requested: number | null;
      /**
       * Part deletion: number of rows that remain and whose columns in the scope are cleared.
       */
      blanked: number;
      /**
       * Retained rows, with one entry per legal basis.
       */
      retained: {
        /**
         * Reason in the data map for retaining the rows.
         */
        basis: string;
        /**
         * Number of retained rows.
         */
        rows: number;
      }[];
      /**
       * Number of rows that belong to no subject of the request and referred to one. They remain; the reference was removed or replaced.
       */
      detached: number;
      /**
       * Own rows of the subjects that were kept, with the columns whose values were replaced.
       */
      anonymised: {
        /**
         * Number of anonymised rows. 0 if the data map anonymises none.
         */
        rows: number;
        /**
         * Columns whose values were replaced. Empty if no row is anonymised.
         */
        columns: string[];
      };
    }[];
  }[];
  /**
   * Exports that preceded the deletion.
   */
  backups: {
    /**
     * ID of the export request.
     */
    requestId: string;
    /**
     * Status of the export.
     */
    status: string;
    /**
     * Time at which the archive became ready. Null before.
     */
    readyAt: string | null;
    /**
     * Time at which the archive expires. Null until it is ready.
     */
    expiresAt: string | null;
    /**
     * Number of subjects of the export.
     */
    subjects: number;
  }[];
  suppression: Suppressed;
  /**
   * Systems that cannot delete only this part of the data, and keep it. Empty for exports and scope `data`.
   */
  notCoveredIn: string[];
  /**
   * Systems whose deletion Lethe cannot verify by reading.
   */
  unverified: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * `attested`: the system reports the deletion. `person`: a person reports it. `none`: there is no report.
     */
    level: string;
    /**
     * Time of the latest report of the system. Null before the first one.
     */
    saidAt: string | null;
  }[];
  /**
   * Statements about what the receipt does not cover.
   */
  limits: string[];
}
export interface ExportReceipt {
  /**
   * ID of the request.
   */
  requestId: string;
  /**
   * Kind of request.
   */
  kind: 'export';
  /**
   * Kind of subject.
   */
  subjectKind: string;
  /**
   * Name of the project.
   */
  project: string;
  /**
   * Regulation that sets the deadline of the request.
   */
  regulation: string;
  /**
   * Part of the data that the request covers: `data`, `categories` or `sources`.
   */
  scope: string;
  /**
   * Format of the rows in the archive.
   */
  format: 'ndjson' | 'csv';
  /**
   * `escaped`: in CSV files, an apostrophe precedes values that look like a formula. Null for NDJSON.
   */
  csv: 'escaped' | null;
  /**
   * Time of the submission.
   */
  receivedAt: string;
  /**
   * Time at which the archive was written.
   */
  packagedAt: string;
  /**
   * Rows from before this time are excluded from tables with a time column. Null if none are.
   */
  since: string | null;
  /**
   * Number of subjects in the archive.
   */
  subjects: number;
  /**
   * Number of subjects whose rows deletions removed from the archive since it became ready. `files` describes the archive before; the manifest in each download describes what that download contains.
   */
  removedSubjects: number;
  /**
   * Systems in the archive.
   */
  systems: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * Time of the snapshot from which all tables of the system were read.
     */
    cutOffAt: string;
  }[];
  /**
   * Systems that hold personal data and cannot export it.
   */
  notIncluded: string[];
  /**
   * Files in the archive.
   */
  files: {
    /**
     * Name of the system.
     */
    system: string;
    /**
     * Name of the table.
     */
    table: string;
    /**
     * Path of the file in the archive, or of the folder if the table has files. Null for scope `categories`.
     */
    path: string | null;
    /**
     * Meaning of the table in the data map. Null without one.
     */
    meaning: string | null;
    /**
     * Columns of the table.
     */
    columns: {
      /**
       * Name of the column.
       */
      name: string;
      /**
       * Type of the column in the database.
       */
      type: string;
      /**
       * Meaning of the column in the data map. Null without one.
       */
      meaning: string | null;
      /**
       * Whether the column records how personal data was collected.
       */
      source: boolean;
      /**
       * Scope `categories`: number of rows in which the column has a value.
       */
      filled?: number;
    }[];
    /**
     * Whether rows from before `since` are excluded.
     */
    windowed: boolean;
    /**
     * Legal basis on which a deletion retains rows of the table. Null without one.
     */
    retained: string | null;
    /**
     * Columns whose values a deletion replaces while it keeps the rows. Empty if it anonymises none.
     */
    anonymised: string[];
    /**
     * The table has files instead of rows. Absent for tables with rows.
     */
    hasFiles?: true;
    /**
     * Number of rows, or of files.
     */
    rows: number;
    /**
     * Size of the file, or of all files of the folder.
     */
    bytes: number;
    /**
     * SHA-256 digest of the file, or of all files of the folder one after the other, in hexadecimal.
     */
    sha256: string;
  }[];
}
export interface CreateLinkInput {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: NewLink;
}
export interface NewLink {
  /**
   * Seconds until the link expires. Default and maximum: seven days. The link expires no later than its archive.
   */
  expiresIn?: number;
}
export interface CreatedLink {
  /**
   * ID of the link.
   */
  id: string;
  /**
   * URL for one download. It requires no token: everyone who has the URL can use it. Shown only in the response to the first call; null if the call repeats an `Idempotency-Key`.
   */
  url: string | null;
  /**
   * Time at which the link expires.
   */
  expiresAt: string;
}
export interface ListLinksInput {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface Link {
  /**
   * ID of the link.
   */
  id: string;
  /**
   * State of the link.
   *
   * - `open`: the link can be used.
   * - `downloading`: a download is running.
   * - `used`: the download was completed.
   * - `revoked`: a member revoked the link.
   * - `expired`: the link or its archive has expired.
   */
  state: 'open' | 'downloading' | 'used' | 'revoked' | 'expired';
  /**
   * Time of the creation.
   */
  createdAt: string;
  /**
   * ID of the member, or `lethe` for a link that was sent by email.
   */
  createdBy: string;
  /**
   * Time at which the link expires.
   */
  expiresAt: string;
  /**
   * Time of the revocation. Null if the link is not revoked.
   */
  revokedAt: string | null;
  /**
   * Time at which the download was completed. Null before.
   */
  usedAt: string | null;
}
export interface RevokeLinkInput {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * ID of the link.
   */
  linkId: string;
}
export interface DestroyArchiveInput {
  /**
   * ID of the request.
   */
  id: string;
}
export interface ListRequestActivityInput {
  /**
   * ID of the request.
   */
  id: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface AuditEvent {
  /**
   * ID of the event.
   */
  id: number;
  /**
   * Time of the event.
   */
  at: string;
  /**
   * ID of the request. Null for events of no request.
   */
  requestId: string | null;
  /**
   * ID of the member who acted, or `lethe` for an automatic action.
   */
  actor: string;
  /**
   * Name of the member, even if the member was removed. Null for an automatic action.
   */
  actorName: string | null;
  /**
   * Action: a noun and a verb, such as `request.received`.
   */
  action: string;
  /**
   * Counts, positions, codes, references and reasons. Contains no identity.
   */
  detail: {
    [k: string]: string | number | boolean | null | number[];
  };
}
export interface ListRequestActivityCsvInput {
  /**
   * ID of the request.
   */
  id: string;
}
export interface LookUpSubjectInput {
  body: Lookup;
}
export interface Lookup {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts.
   */
  project: string;
  /**
   * Kind of subject.
   */
  kind: 'user' | 'company';
  identity: Identity;
}
export interface LookupResult {
  /**
   * Requests that have not ended.
   */
  openRequests: {
    /**
     * ID of the request.
     */
    id: string;
    /**
     * Kind of request.
     */
    kind: 'export' | 'deletion';
    status: Status;
    outcome: Outcome;
    /**
     * Retained rows of the deleted subjects per basis, over all systems. Empty if no row is retained.
     */
    retained: {
      /**
       * Reason in the data map for retaining the rows.
       */
      basis: string;
      /**
       * Number of retained rows.
       */
      rows: number;
    }[];
    /**
     * Own rows of the deleted subjects that were kept with replaced values, over all systems.
     */
    anonymised: {
      /**
       * Number of anonymised rows. 0 if the data map anonymises none.
       */
      rows: number;
      /**
       * Columns whose values were replaced. Empty if no row is anonymised.
       */
      columns: string[];
    };
    /**
     * Time of the submission.
     */
    receivedAt: string;
    /**
     * Time at which the request ended. Null while it is open.
     */
    concludedAt: string | null;
    /**
     * Path of the request.
     */
    href: string;
  }[];
  /**
   * Deletions that have ended.
   */
  deletions: {
    /**
     * ID of the request.
     */
    id: string;
    /**
     * Kind of request.
     */
    kind: 'export' | 'deletion';
    status: Status;
    outcome: Outcome;
    /**
     * Retained rows of the deleted subjects per basis, over all systems. Empty if no row is retained.
     */
    retained: {
      /**
       * Reason in the data map for retaining the rows.
       */
      basis: string;
      /**
       * Number of retained rows.
       */
      rows: number;
    }[];
    /**
     * Own rows of the deleted subjects that were kept with replaced values, over all systems.
     */
    anonymised: {
      /**
       * Number of anonymised rows. 0 if the data map anonymises none.
       */
      rows: number;
      /**
       * Columns whose values were replaced. Empty if no row is anonymised.
       */
      columns: string[];
    };
    /**
     * Time of the submission.
     */
    receivedAt: string;
    /**
     * Time at which the request ended. Null while it is open.
     */
    concludedAt: string | null;
    /**
     * Path of the request.
     */
    href: string;
  }[];
  /**
   * Exports that have ended, including those whose archive has expired.
   */
  exports: {
    /**
     * ID of the request.
     */
    id: string;
    /**
     * Kind of request.
     */
    kind: 'export' | 'deletion';
    status: Status;
    outcome: Outcome;
    /**
     * Retained rows of the deleted subjects per basis, over all systems. Empty if no row is retained.
     */
    retained: {
      /**
       * Reason in the data map for retaining the rows.
       */
      basis: string;
      /**
       * Number of retained rows.
       */
      rows: number;
    }[];
    /**
     * Own rows of the deleted subjects that were kept with replaced values, over all systems.
     */
    anonymised: {
      /**
       * Number of anonymised rows. 0 if the data map anonymises none.
       */
      rows: number;
      /**
       * Columns whose values were replaced. Empty if no row is anonymised.
       */
      columns: string[];
    };
    /**
     * Time of the submission.
     */
    receivedAt: string;
    /**
     * Time at which the request ended. Null while it is open.
     */
    concludedAt: string | null;
    /**
     * Path of the request.
     */
    href: string;
  }[];
  /**
   * Legal holds in effect.
   */
  holds: {
    /**
     * ID of the legal hold.
     */
    id: string;
    /**
     * Reference of the case.
     */
    caseRef: string;
    /**
     * Person or department that ordered the hold.
     */
    heldBy: string;
    /**
     * Time from which the hold is in effect.
     */
    placedAt: string;
  }[];
  /**
   * Suppressions that are placed and not lifted.
   */
  suppressions: {
    /**
     * ID of the suppression.
     */
    id: string;
    /**
     * ID of the deletion that left the suppression. Null otherwise.
     */
    requestId: string | null;
    /**
     * Time at which the suppression was placed.
     */
    since: string;
    /**
     * Systems that do not have the suppression: they have not applied it yet, were skipped, or were configured later. Empty when every system has it.
     */
    missingIn: string[];
  }[];
}
export interface ListHoldsInput {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project?: string;
  /**
   * Matches holds in effect (`active`) or released holds (`released`).
   */
  state?: 'active' | 'released';
  /**
   * Matches holds on subjects of this kind.
   */
  kind?: 'user' | 'company';
  /**
   * Matches holds with exactly this reference. Example: `C-7`.
   */
  caseRef?: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface HoldSummary {
  /**
   * ID of the legal hold.
   */
  id: string;
  /**
   * Kind of subject.
   */
  kind: 'user' | 'company';
  /**
   * Reference of the case.
   */
  caseRef: string;
  /**
   * Person or department that ordered the hold.
   */
  heldBy: string;
  /**
   * Number of identities. Identities that Lethe compares as equal count once.
   */
  identities: number;
  /**
   * Time from which the hold is in effect.
   */
  placedAt: string;
  /**
   * ID of the member who placed the hold.
   */
  placedBy: string;
  /**
   * Time of the release. Null while the hold is in effect.
   */
  releasedAt: string | null;
  /**
   * ID of the member who released the hold. Null while the hold is in effect.
   */
  releasedBy: string | null;
}
export interface PlaceHoldInput {
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: NewHold;
}
export interface NewHold {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts.
   */
  project: string;
  /**
   * Kind of subject.
   */
  kind: 'user' | 'company';
  /**
   * Identities of the subjects. The policy limits their number. Lethe stores keyed digests only.
   *
   * @minItems 1
   * @maxItems 250000
   */
  identities: Identity[];
  /**
   * Reference of the case. Must not name a person, because it is stored.
   */
  caseRef: string;
  /**
   * Person or department that orders the hold.
   */
  heldBy: string;
}
export interface Hold {
  /**
   * ID of the legal hold.
   */
  id: string;
  /**
   * Time from which the hold is in effect.
   */
  placedAt: string;
  /**
   * Requests whose subjects the hold protects.
   */
  matching: {
    /**
     * ID of the request.
     */
    requestId: string;
    /**
     * Number of matching subjects of the request.
     */
    subjects: number;
  }[];
  /**
   * Requests whose subjects were already claimed. Their deletion continues.
   */
  tooLate: {
    /**
     * ID of the request.
     */
    requestId: string;
    /**
     * Number of matching subjects of the request.
     */
    subjects: number;
  }[];
}
export interface GetHoldInput {
  /**
   * ID of the hold.
   */
  id: string;
}
export interface ReleaseHoldInput {
  /**
   * ID of the hold.
   */
  id: string;
}
export interface ListSuppressionsInput {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project?: string;
  /**
   * Matches suppressions of at least one identity (`active`), or those whose identities are all lifted (`lifted`).
   */
  state?: 'active' | 'lifted';
  /**
   * Matches suppressions of subjects of this kind.
   */
  kind?: 'user' | 'company';
  /**
   * Matches suppressions that this deletion left.
   */
  requestId?: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface SuppressionSummary {
  /**
   * ID of the suppression.
   */
  id: string;
  /**
   * Kind of subject.
   */
  kind: 'user' | 'company';
  /**
   * ID of the deletion that left the suppression. Null if a member placed or lifted it.
   */
  requestId: string | null;
  /**
   * Number of identities, including lifted ones: 1 for a suppression of a member. Identities that Lethe compares as equal count once.
   */
  identities: number;
  /**
   * Number of the identities that were lifted.
   */
  liftedIdentities: number;
  /**
   * Time at which the suppression was placed, or lifted if a member lifted what only deletions had left.
   */
  since: string;
  /**
   * ID of the member who placed the suppression. Null if a deletion left it, or if a member only lifted what deletions had left.
   */
  placedBy: string | null;
  /**
   * Time at which the last identity was lifted. Null while an identity is suppressed.
   */
  liftedAt: string | null;
  /**
   * ID of the member who lifted the last identity. Null while an identity is suppressed.
   */
  liftedBy: string | null;
  /**
   * Systems that do not have the suppression: they have not applied it yet, cannot suppress, were skipped, or were configured later. Empty when every system has it, null once it is lifted.
   */
  missingIn: string[] | null;
}
export interface PlaceSuppressionInput {
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: Suppression;
}
export interface Suppression {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts.
   */
  project: string;
  /**
   * Kind of subject.
   */
  kind: 'user' | 'company';
  identity: Identity;
}
export interface LiftSuppressionInput {
  body: Suppression;
}
export interface GetSuppressionInput {
  /**
   * ID of the suppression.
   */
  id: string;
}
export interface ListSystemsInput {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project?: string;
}
export interface System {
  /**
   * Name of the system in lethe.config.ts. `lethe` is the archive storage.
   */
  name: string;
  /**
   * Whether steps call the system.
   *
   * - `available`: steps call the system.
   * - `unavailable`: the system does not answer. Lethe probes it and continues by itself.
   * - `refusing`: the system rejects every call. Lethe probes it at most once an hour, and at once after `resume` or `retry`.
   * - `paused`: an operator has paused the system.
   */
  state: 'available' | 'unavailable' | 'refusing' | 'paused';
  /**
   * Null unless every call of the system fails.
   */
  outage: {
    /**
     * Why every call of the system fails.
     *
     * - `system_unavailable`: it does not answer.
     * - `storage_unavailable`: the archive storage does not answer.
     * - `system_refused`: it rejects every call.
     * - `coverage_broken`: the data map does not cover its schema.
     */
    code: 'system_unavailable' | 'storage_unavailable' | 'system_refused' | 'coverage_broken';
    /**
     * Time of the first failed call.
     */
    since: string;
    /**
     * Time of the next probe.
     */
    nextProbeAt: string | null;
    /**
     * What an operator can do.
     */
    remedy: string;
  } | null;
  /**
   * Null unless an operator has paused the system.
   */
  pause: {
    /**
     * Time at which an operator paused the system.
     */
    since: string;
    /**
     * Reason of the operator.
     */
    reason: string;
    /**
     * ID of the member who paused it.
     */
    pausedBy: string;
  } | null;
  /**
   * Number of requests that wait for the system.
   */
  waitingRequests: number;
  /**
   * Rate limits of the system.
   */
  lanes: {
    /**
     * Name of the lane.
     */
    name: string;
    /**
     * Windows of the lane, which all workers keep together.
     */
    windows: {
      /**
       * Number of calls that the window allows.
       */
      calls: number;
      /**
       * Length of the window in milliseconds.
       */
      perMs: number;
      /**
       * Calls that count in the window now, also reserved ones.
       */
      used: number;
    }[];
    /**
     * Calls that are reserved for a later time.
     */
    waiting: number;
    /**
     * Time before which no call starts, because the system asked for it. Null if it has not.
     */
    postponedUntil: string | null;
  }[];
}
export interface GetSystemInput {
  /**
   * Name of the system.
   */
  name: string;
}
export interface PauseSystemInput {
  /**
   * Name of the system.
   */
  name: string;
  body: PauseSystem;
}
export interface PauseSystem {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts.
   */
  project: string;
  /**
   * Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person.
   */
  reason: string;
}
export interface ResumeSystemInput {
  /**
   * Name of the system.
   */
  name: string;
  body: ResumeSystem;
}
export interface ResumeSystem {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts.
   */
  project: string;
  /**
   * Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person.
   */
  reason: string;
}
export interface ListTasksInput {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project?: string;
  /**
   * Matches tasks in this state.
   */
  state?: 'open' | 'done' | 'not_possible' | 'closed';
  /**
   * Matches tasks in this system.
   */
  system?: string;
  /**
   * Matches tasks of this request.
   */
  requestId?: string;
  /**
   * `true` matches open tasks whose time is over, `false` all others.
   */
  overdue?: 'true' | 'false';
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface Task {
  /**
   * ID of the task.
   */
  id: string;
  /**
   * System in which the person acts.
   */
  system: string;
  /**
   * ID of the deletion that waits for it.
   */
  requestId: string;
  /**
   * Number of the claimed batch.
   */
  batch: number;
  /**
   * Kind of subject.
   */
  subjectKind: 'user' | 'company';
  /**
   * Number of subjects. `reveal` names them.
   */
  subjects: number;
  /**
   * What to do, from lethe.config.ts.
   */
  instruction: string;
  /**
   * Time at which the task was opened.
   */
  openedAt: string;
  /**
   * Time until which it should be done: that of lethe.config.ts, or the deadline of the request.
   */
  dueAt: string;
  /**
   * Whether it is open and `dueAt` is over.
   */
  overdue: boolean;
  /**
   * State of the task.
   *
   * - `open`: a person has to act.
   * - `done`: a member said that it is done.
   * - `not_possible`: a member said that it is not possible, for all or for some of the subjects, which are blocked.
   * - `closed`: it is not needed any more, because the system was skipped or the subjects were cancelled.
   */
  state: 'open' | 'done' | 'not_possible' | 'closed';
  /**
   * Number of subjects for which it is not possible.
   */
  notPossible: number;
  /**
   * Why it is not possible. Null in other states.
   */
  reason: string | null;
  /**
   * Time of the answer. Null before it.
   */
  answeredAt: string | null;
  /**
   * ID of the member who answered. Null before the answer.
   */
  answeredBy: string | null;
}
export interface GetTaskInput {
  /**
   * ID of the task.
   */
  id: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface TaskWithSubjects {
  /**
   * ID of the task.
   */
  id: string;
  /**
   * System in which the person acts.
   */
  system: string;
  /**
   * ID of the deletion that waits for it.
   */
  requestId: string;
  /**
   * Number of the claimed batch.
   */
  batch: number;
  /**
   * Kind of subject.
   */
  subjectKind: 'user' | 'company';
  /**
   * Number of subjects. `reveal` names them.
   */
  subjects: number;
  /**
   * What to do, from lethe.config.ts.
   */
  instruction: string;
  /**
   * Time at which the task was opened.
   */
  openedAt: string;
  /**
   * Time until which it should be done: that of lethe.config.ts, or the deadline of the request.
   */
  dueAt: string;
  /**
   * Whether it is open and `dueAt` is over.
   */
  overdue: boolean;
  /**
   * State of the task.
   *
   * - `open`: a person has to act.
   * - `done`: a member said that it is done.
   * - `not_possible`: a member said that it is not possible, for all or for some of the subjects, which are blocked.
   * - `closed`: it is not needed any more, because the system was skipped or the subjects were cancelled.
   */
  state: 'open' | 'done' | 'not_possible' | 'closed';
  /**
   * Number of subjects for which it is not possible.
   */
  notPossible: number;
  /**
   * Why it is not possible. Null in other states.
   */
  reason: string | null;
  /**
   * Time of the answer. Null before it.
   */
  answeredAt: string | null;
  /**
   * ID of the member who answered. Null before the answer.
   */
  answeredBy: string | null;
  /**
   * Items of the page.
   */
  items: MaskedSubject[];
  /**
   * Cursor of the next page. Null on the last page.
   */
  nextCursor: string | null;
}
export interface MaskedSubject {
  /**
   * Number of the subject in its request.
   */
  number: number;
  /**
   * Identities of the subject, of which only first letters are shown. Empty once they are purged.
   */
  identities: {
    /**
     * Identity type.
     */
    type: string;
    /**
     * One text per column.
     */
    value: string[];
  }[];
}
export interface RevealTaskInput {
  /**
   * ID of the task.
   */
  id: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface RevealedSubject {
  /**
   * Number of the subject in its request.
   */
  number: number;
  /**
   * Identities of the subject by which the person finds it.
   */
  identities: {
    /**
     * Identity type.
     */
    type: string;
    /**
     * One text per column.
     */
    value: string[];
  }[];
}
export interface CompleteTaskInput {
  /**
   * ID of the task.
   */
  id: string;
}
export interface DeclineTaskInput {
  /**
   * ID of the task.
   */
  id: string;
  body: NotPossible;
}
export interface NotPossible {
  /**
   * Why it is not possible. The task and the audit log keep it permanently, so it must not name a person.
   */
  reason: string;
  /**
   * Numbers of the subjects for which it is not possible, as `reveal` lists them. For all others it is done. Omit it if it is possible for none.
   *
   * @minItems 1
   * @maxItems 10000
   */
  subjects?: number[];
}
export interface ListActivityInput {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project?: string;
  /**
   * Matches events of this request.
   */
  requestId?: string;
  /**
   * Matches events of this member (`mem_…`), or automatic actions (`lethe`).
   */
  actor?: string;
  /**
   * Matches one action, or all actions of a noun. Example: `hold.*`.
   */
  action?: string;
  /**
   * Matches events at or after this time. Example: `2026-11-23T00:00:00Z`.
   */
  from?: string;
  /**
   * Matches events before this time. Example: `2026-11-23T00:00:00Z`.
   */
  before?: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface ListActivityCsvInput {
  /**
   * Name of the project: a key of `projects` in lethe.config.ts. Example: `demo`.
   */
  project?: string;
  /**
   * Matches events of this request.
   */
  requestId?: string;
  /**
   * Matches events of this member (`mem_…`), or automatic actions (`lethe`).
   */
  actor?: string;
  /**
   * Matches one action, or all actions of a noun. Example: `hold.*`.
   */
  action?: string;
  /**
   * Matches events at or after this time. Example: `2026-11-23T00:00:00Z`.
   */
  from?: string;
  /**
   * Matches events before this time. Example: `2026-11-23T00:00:00Z`.
   */
  before?: string;
}
export interface ListMembersInput {
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface Member {
  /**
   * ID of the member.
   */
  id: string;
  /**
   * Name of the member, unique in the project.
   */
  name: string;
  /**
   * Role. An `admin` submits and manages requests. An `owner` also manages members and webhooks, skips systems, exports everyone, and confirms deletions of everyone.
   */
  role: 'owner' | 'admin';
  /**
   * Time at which the member was added.
   */
  addedAt: string;
}
export interface AddMemberInput {
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: NewMember;
}
export interface NewMember {
  /**
   * Name of the member, unique in the project.
   */
  name: string;
  /**
   * Role. An `admin` submits and manages requests. An `owner` also manages members and webhooks, skips systems, exports everyone, and confirms deletions of everyone.
   */
  role: 'owner' | 'admin';
}
export interface AddedMember {
  /**
   * ID of the member.
   */
  id: string;
  /**
   * Name of the member, unique in the project.
   */
  name: string;
  /**
   * Role. An `admin` submits and manages requests. An `owner` also manages members and webhooks, skips systems, exports everyone, and confirms deletions of everyone.
   */
  role: 'owner' | 'admin';
  /**
   * Time at which the member was added.
   */
  addedAt: string;
  token: CreatedToken;
}
/**
 * First token of the member.
 */
export interface CreatedToken {
  /**
   * ID of the token.
   */
  id: string;
  /**
   * Name of the token. Name its use, so that you know later which token to revoke.
   */
  name: string;
  /**
   * Role. An `admin` submits and manages requests. An `owner` also manages members and webhooks, skips systems, exports everyone, and confirms deletions of everyone.
   */
  role: 'owner' | 'admin';
  /**
   * Kinds of request that the token covers. Null for all kinds.
   *
   * @minItems 1
   * @maxItems 2
   */
  kinds: ('export' | 'deletion')[] | null;
  /**
   * `read`: the token can only read. `write`: the token can also change data.
   */
  access: 'read' | 'write';
  /**
   * ID of the token that created this one. Null if an operator created it with `npm run member`.
   */
  mintedBy: string | null;
  /**
   * Time at which the token expires.
   */
  expiresAt: string;
  /**
   * The bearer token. Shown only in the response to the first call; null if the call repeats an `Idempotency-Key`.
   */
  token: string | null;
}
export interface RemoveMemberInput {
  /**
   * ID of the member.
   */
  id: string;
}
export interface CreateTokenInput {
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: NewToken;
}
export interface NewToken {
  /**
   * Name of the token. Name its use, so that you know later which token to revoke.
   */
  name: string;
  /**
   * Role of the token, at most the role of the calling token. Default: the role of the calling token.
   */
  role?: 'owner' | 'admin';
  /**
   * Kinds of request that the token covers, at most those of the calling token. Default: those of the calling token.
   *
   * @minItems 1
   * @maxItems 2
   */
  kinds?: ('export' | 'deletion')[];
  /**
   * `read`: the token can only read. `write`: the token can also change data.
   */
  access?: 'read' | 'write';
  /**
   * Time at which the token expires. Default and maximum: 365 days from now, or the expiry of the calling token if that is earlier. An unlimited token that an operator created for an owner may create tokens that outlive it.
   */
  expiresAt?: string;
}
export interface ListTokensInput {
  /**
   * For owners: ID of another member, or `all`.
   */
  member?: 'all' | string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface Token {
  /**
   * ID of the token.
   */
  id: string;
  /**
   * Name of the token. Name its use, so that you know later which token to revoke.
   */
  name: string;
  /**
   * Role. An `admin` submits and manages requests. An `owner` also manages members and webhooks, skips systems, exports everyone, and confirms deletions of everyone.
   */
  role: 'owner' | 'admin';
  /**
   * Kinds of request that the token covers. Null for all kinds.
   *
   * @minItems 1
   * @maxItems 2
   */
  kinds: ('export' | 'deletion')[] | null;
  /**
   * `read`: the token can only read. `write`: the token can also change data.
   */
  access: 'read' | 'write';
  /**
   * ID of the token that created this one. Null if an operator created it with `npm run member`.
   */
  mintedBy: string | null;
  /**
   * Time at which the token expires.
   */
  expiresAt: string;
  /**
   * ID of the member.
   */
  member: string;
  /**
   * Time of the creation.
   */
  createdAt: string;
  /**
   * Time of the latest call, to the minute. Null before the first call.
   */
  lastUsedAt: string | null;
  /**
   * Time of the revocation. Null if the token is not revoked.
   */
  revokedAt: string | null;
}
export interface RevokeTokenInput {
  /**
   * ID of the token.
   */
  id: string;
  /**
   * Also revokes every token that the token created, directly or through others.
   */
  descendants?: boolean;
}
export interface Revocation {
  /**
   * Number of revoked tokens. 0 if the token was revoked before.
   */
  revoked: number;
  /**
   * Number of tokens that descend from the token and are still valid. Repeat the call with `descendants=true` to revoke them.
   */
  activeDescendants: number;
}
export interface AddWebhookInput {
  /**
   * Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created. Example: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: NewWebhook;
}
export interface NewWebhook {
  /**
   * HTTPS URL of your endpoint. Lethe checks the address of its host at each connection.
   */
  url: string;
}
export interface AddedWebhook {
  /**
   * ID of the webhook.
   */
  id: string;
  /**
   * URL of your endpoint.
   */
  url: string;
  /**
   * Secret that signs the notifications, according to Standard Webhooks. Shown only in the response to the first call; null if the call repeats an `Idempotency-Key`.
   */
  secret: string | null;
}
export interface ListWebhooksInput {}
export interface Webhook {
  /**
   * ID of the webhook.
   */
  id: string;
  /**
   * URL of your endpoint.
   */
  url: string;
  /**
   * Time of the creation.
   */
  createdAt: string;
  /**
   * ID of the member who added the webhook.
   */
  createdBy: string;
  /**
   * Time at which your endpoint returned 410 and Lethe disabled the webhook. Null while it is enabled.
   */
  disabledAt: string | null;
}
export interface RemoveWebhookInput {
  /**
   * ID of the webhook.
   */
  id: string;
}
export interface RotateWebhookSecretInput {
  /**
   * ID of the webhook.
   */
  id: string;
  body: Rotation;
}
export interface Rotation {
  /**
   * Seconds for which the previous secret also signs.
   */
  overlap?: number;
}
export interface RotatedSecret {
  /**
   * Secret that signs the notifications, according to Standard Webhooks. Shown only in this response.
   */
  secret: string;
  /**
   * Time until which the previous secret also signs.
   */
  previousUntil: string;
}
export interface EnableWebhookInput {
  /**
   * ID of the webhook.
   */
  id: string;
}
export interface ListDeliveriesInput {
  /**
   * ID of the webhook.
   */
  id: string;
  /**
   * Maximum number of items in the page.
   */
  limit?: number;
  /**
   * `nextCursor` of the previous page. Omit it to read the first page.
   */
  cursor?: string;
}
export interface Delivery {
  /**
   * ID of the delivery, sent as the header `webhook-id`.
   */
  id: string;
  /**
   * ID of the request.
   */
  requestId: string;
  /**
   * Type of the notification: `request.` and the new status, `task.opened` or `task.overdue`.
   */
  type: string;
  /**
   * ID of the task that the notification is about. Null for a change of a status.
   */
  taskId: string | null;
  /**
   * Time of the change.
   */
  at: string;
  /**
   * Number of attempts so far.
   */
  attempts: number;
  /**
   * Time of the next attempt. Null if no attempt is planned.
   */
  nextAt: string | null;
  /**
   * `delivered`: your endpoint returned a 2xx status. `given_up`: Lethe abandoned the delivery after the last attempt. Null while it is pending.
   */
  outcome: 'delivered' | 'given_up' | null;
  /**
   * Why the latest attempt failed: `http_` and a status, `timeout`, `connection`, `dns`, `tls` or `address_refused`; or `removed` if the webhook was removed. Null otherwise.
   */
  lastCode: string | null;
}
export interface RetryDeliveryInput {
  /**
   * ID of the webhook.
   */
  id: string;
  /**
   * ID of the delivery.
   */
  deliveryId: string;
}
export interface Readiness {
  /**
   * Whether requests can be accepted.
   */
  ready: boolean;
  /**
   * Whether the database can be reached.
   */
  database: 'reachable' | 'away';
  /**
   * Whether the database has the schema of this version. Unknown if it is unreachable.
   */
  schema: 'current' | 'other' | 'unknown';
  /**
   * Whether Temporal can be reached.
   */
  temporal: 'reachable' | 'away';
}
/**
 * RFC 9457 problem. Some codes add fields, such as `limit` or `positions`.
 */
export interface Problem {
  /**
   * URI reference of the documentation of `code`.
   */
  type: string;
  /**
   * Meaning of `code`.
   */
  title: string;
  /**
   * HTTP status of the response.
   */
  status: number;
  /**
   * Cause of this error. It contains no personal data.
   */
  detail: string;
  /**
   * ID of the HTTP request in the log, equal to the header `X-Request-Id`.
   */
  instance: string;
  /**
   * Code of the error, from a closed list.
   */
  code:
    | 'malformed_json'
    | 'json_too_complex'
    | 'unexpected_body'
    | 'invalid_request'
    | 'unauthorized'
    | 'forbidden'
    | 'https_required'
    | 'rate_limited'
    | 'not_found'
    | 'method_not_allowed'
    | 'project_not_found'
    | 'request_not_found'
    | 'hold_not_found'
    | 'suppression_not_found'
    | 'member_not_found'
    | 'token_not_found'
    | 'no_receipt_yet'
    | 'body_too_large'
    | 'too_many_subjects'
    | 'unsupported_media_type'
    | 'malformed_csv'
    | 'subject_conflict'
    | 'idempotency_key_in_use'
    | 'idempotency_key_reused'
    | 'not_awaiting_confirmation'
    | 'needs_another_owner'
    | 'count_moved'
    | 'confirmation_expired'
    | 'unmatched_exceptions'
    | 'member_exists'
    | 'last_owner'
    | 'too_late'
    | 'not_in_attention'
    | 'wrong_kind'
    | 'archive_not_ready'
    | 'system_not_found'
    | 'system_not_stopped'
    | 'link_not_found'
    | 'webhook_not_found'
    | 'delivery_not_found'
    | 'task_not_found'
    | 'task_not_open'
    | 'identities_purged'
    | 'too_many_webhooks'
    | 'storage_unavailable'
    | 'busy'
    | 'project_misconfigured'
    | 'internal';
  /**
   * With `invalid_request`: the invalid fields, at most 100.
   */
  errors?: {
    /**
     * Part of the HTTP request that holds the field.
     */
    in: 'body' | 'query' | 'header';
    /**
     * JSON pointer to the field in the body, or `/` and the name of the parameter or header.
     */
    pointer: string;
    /**
     * Code of the error. It does not change between versions.
     */
    code: string;
    /**
     * Rule that the field violates. It does not quote the value.
     */
    detail: string;
  }[];
  [k: string]: unknown;
}

/** How to send a call. Fields of the input that are neither in the path nor listed here are query parameters. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ROUTES: Readonly<Record<keyof Operations, Route>> = {
  createRequest: {"method":"POST","path":"/v1/requests","accept":"application/json","contentType":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  listRequests: {"method":"GET","path":"/v1/requests","accept":"application/json"},
  uploadSubjects: {"method":"POST","path":"/v1/uploads","accept":"application/json","contentType":"text/csv","headers":{"idempotencyKey":"Idempotency-Key"}},
  getRequest: {"method":"GET","path":"/v1/requests/{id}","accept":"application/json"},
  listSubjects: {"method":"GET","path":"/v1/requests/{id}/subjects","accept":"application/json"},
  listFailures: {"method":"GET","path":"/v1/requests/{id}/failures","accept":"application/json"},
  getProgress: {"method":"GET","path":"/v1/requests/{id}/progress","accept":"application/json"},
  confirmRequest: {"method":"POST","path":"/v1/requests/{id}/confirm","accept":"application/json","contentType":"application/json"},
  cancelRequest: {"method":"POST","path":"/v1/requests/{id}/cancel","accept":"application/json","contentType":"application/json"},
  expediteRequest: {"method":"POST","path":"/v1/requests/{id}/expedite","accept":"application/json","contentType":"application/json"},
  retryRequest: {"method":"POST","path":"/v1/requests/{id}/retry","accept":"application/json","contentType":"application/json"},
  skipSystem: {"method":"POST","path":"/v1/requests/{id}/skip","accept":"application/json","contentType":"application/json"},
  getReceipt: {"method":"GET","path":"/v1/requests/{id}/receipt","accept":"application/json"},
  createLink: {"method":"POST","path":"/v1/requests/{id}/links","accept":"application/json","contentType":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  listLinks: {"method":"GET","path":"/v1/requests/{id}/links","accept":"application/json"},
  revokeLink: {"method":"DELETE","path":"/v1/requests/{id}/links/{linkId}","accept":"application/json"},
  destroyArchive: {"method":"DELETE","path":"/v1/requests/{id}/archive","accept":"application/json"},
  listRequestActivity: {"method":"GET","path":"/v1/requests/{id}/log","accept":"application/json"},
  listRequestActivityCsv: {"method":"GET","path":"/v1/requests/{id}/log","accept":"text/csv"},
  lookUpSubject: {"method":"POST","path":"/v1/subjects/lookup","accept":"application/json","contentType":"application/json"},
  listHolds: {"method":"GET","path":"/v1/holds","accept":"application/json"},
  placeHold: {"method":"POST","path":"/v1/holds","accept":"application/json","contentType":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  getHold: {"method":"GET","path":"/v1/holds/{id}","accept":"application/json"},
  releaseHold: {"method":"DELETE","path":"/v1/holds/{id}","accept":"application/json"},
  listSuppressions: {"method":"GET","path":"/v1/suppressions","accept":"application/json"},
  placeSuppression: {"method":"POST","path":"/v1/suppressions","accept":"application/json","contentType":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  liftSuppression: {"method":"DELETE","path":"/v1/suppressions","accept":"application/json","contentType":"application/json"},
  getSuppression: {"method":"GET","path":"/v1/suppressions/{id}","accept":"application/json"},
  listSystems: {"method":"GET","path":"/v1/systems","accept":"application/json"},
  getSystem: {"method":"GET","path":"/v1/systems/{name}","accept":"application/json"},
  pauseSystem: {"method":"POST","path":"/v1/systems/{name}/pause","accept":"application/json","contentType":"application/json"},
  resumeSystem: {"method":"POST","path":"/v1/systems/{name}/resume","accept":"application/json","contentType":"application/json"},
  listTasks: {"method":"GET","path":"/v1/tasks","accept":"application/json"},
  getTask: {"method":"GET","path":"/v1/tasks/{id}","accept":"application/json"},
  revealTask: {"method":"POST","path":"/v1/tasks/{id}/reveal","accept":"application/json"},
  completeTask: {"method":"POST","path":"/v1/tasks/{id}/done","accept":"application/json"},
  declineTask: {"method":"POST","path":"/v1/tasks/{id}/not-possible","accept":"application/json","contentType":"application/json"},
  listActivity: {"method":"GET","path":"/v1/activity","accept":"application/json"},
  listActivityCsv: {"method":"GET","path":"/v1/activity","accept":"text/csv"},
  listMembers: {"method":"GET","path":"/v1/members","accept":"application/json"},
  addMember: {"method":"POST","path":"/v1/members","accept":"application/json","contentType":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  removeMember: {"method":"DELETE","path":"/v1/members/{id}","accept":"application/json"},
  createToken: {"method":"POST","path":"/v1/tokens","accept":"application/json","contentType":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  listTokens: {"method":"GET","path":"/v1/tokens","accept":"application/json"},
  revokeToken: {"method":"DELETE","path":"/v1/tokens/{id}","accept":"application/json"},
  addWebhook: {"method":"POST","path":"/v1/webhooks","accept":"application/json","contentType":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  listWebhooks: {"method":"GET","path":"/v1/webhooks","accept":"application/json"},
  removeWebhook: {"method":"DELETE","path":"/v1/webhooks/{id}","accept":"application/json"},
  rotateWebhookSecret: {"method":"POST","path":"/v1/webhooks/{id}/rotate","accept":"application/json","contentType":"application/json"},
  enableWebhook: {"method":"POST","path":"/v1/webhooks/{id}/enable","accept":"application/json"},
  listDeliveries: {"method":"GET","path":"/v1/webhooks/{id}/deliveries","accept":"application/json"},
  retryDelivery: {"method":"POST","path":"/v1/webhooks/{id}/deliveries/{deliveryId}/retry","accept":"application/json"},
};

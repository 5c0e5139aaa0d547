/** Made from docs/openapi.json by `npm run document`. */

export type NewRequest = NewDeletion | NewExport;
/**
 * Null: it was not asked for.
 */
export type Confirmation = {
  /**
   * Any member who may write, or an owner other than the one who submitted it.
   */
  needs: 'member' | 'another_owner';
  /**
   * Three days after the count; null while it is still counted.
   */
  until: string | null;
  /**
   * The `expectedCount` that would be accepted now, or that was; null: not known yet.
   */
  subjects: number | null;
  /**
   * Rows as they were counted. Subjects that were cancelled since are not taken off.
   */
  counts: {
    system: string;
    /**
     * Null: the system cannot say.
     */
    tables:
      | {
          table: string;
          rows: number;
        }[]
      | null;
  }[];
  except: {
    submitted: number;
    /**
     * Positions of the exceptions that matched nobody, once resolved: they spare nobody.
     */
    unmatched: number[];
  } | null;
  confirmedAt: string | null;
  confirmedBy: string | null;
} | null;
/**
 * Of an export that is, or was, ready.
 */
export type Archive = {
  format: 'ndjson' | 'csv';
  rows: number;
  /**
   * Of the ZIP, as it is downloaded.
   */
  bytes: number;
  /**
   * Of the same, in hexadecimal.
   */
  sha256: string;
  readyAt: string;
  /**
   * Then its key is destroyed, and nobody can read it any more.
   */
  expiresAt: string;
  destroyedAt: string | null;
  /**
   * Why it was destroyed.
   */
  reason: 'expired' | 'subject_deleted' | 'destroyed' | null;
} | null;
export type Receipt = DeletionReceipt | ExportReceipt;

export interface Operations {
  /**
   * Delete subjects, or export what is held on them.
   */
  createRequest: {
    input: CreateRequestInput;
    answer: AcceptedRequest;
  };
  /**
   * The requests of a project, newest first.
   */
  listRequests: {
    input: ListRequestsInput;
    answer: {
      items: RequestSummary[];
      nextCursor: string | null;
    };
  };
  /**
   * Delete the subjects of a file: one identity on each line.
   */
  uploadSubjects: {
    input: UploadSubjectsInput;
    answer: AcceptedUpload;
  };
  /**
   * Where a request stands.
   */
  readRequest: {
    input: ReadRequestInput;
    answer: RequestStatus;
  };
  /**
   * What became of each submitted identity, by its position.
   */
  listSubjects: {
    input: ListSubjectsInput;
    answer: {
      items: Subject[];
      nextCursor: string | null;
    };
  };
  /**
   * What is being done at the moment.
   */
  readProgress: {
    input: ReadProgressInput;
    answer: Progress;
  };
  /**
   * Say that so many subjects are meant: only then are they hidden and deleted.
   */
  confirmRequest: {
    input: ConfirmRequestInput;
    answer: Confirmed;
  };
  /**
   * Take back all subjects, or some: until the claim each is shown again where it was hidden.
   */
  cancelRequest: {
    input: CancelRequestInput;
    answer: {
      id: string;
      cancelled: number;
      /**
       * The first thousand of the positions whose subjects are claimed or deleted.
       */
      tooLate: number[];
      /**
       * How many such positions there are.
       */
      tooLateCount: number;
    };
  };
  /**
   * Delete at the next run, or now, instead of after the grace period.
   */
  expediteRequest: {
    input: ExpediteRequestInput;
    answer: {
      id: string;
      hardDeleteAt: string;
    };
  };
  /**
   * Try again what waits for an operator: of one system, or of all.
   */
  retryRequest: {
    input: RetryRequestInput;
    answer: {
      id: string;
      systems: string[];
    };
  };
  /**
   * End the request without a system that waits for an operator.
   */
  skipSystem: {
    input: SkipSystemInput;
    answer: {
      id: string;
      system: string;
    };
  };
  /**
   * The evidence: what was removed or is in the archive, what is kept and why, and what nobody could look at.
   */
  readReceipt: {
    input: ReadReceiptInput;
    answer: Receipt;
  };
  /**
   * A link for one download of an archive that is ready.
   */
  makeLink: {
    input: MakeLinkInput;
    answer: MadeLink;
  };
  /**
   * The links to an archive, newest first, those that have ended included.
   */
  listLinks: {
    input: ListLinksInput;
    answer: {
      items: Link[];
      nextCursor: string | null;
    };
  };
  /**
   * End a link, and the download that is under way with it.
   */
  revokeLink: {
    input: RevokeLinkInput;
    answer: void;
  };
  /**
   * Destroy an archive before its time: its key at once, what it opened as soon as that is reached.
   */
  destroyArchive: {
    input: DestroyArchiveInput;
    answer: void;
  };
  /**
   * What happened to a request, from its acceptance on.
   */
  readLog: {
    input: ReadLogInput;
    answer: {
      items: Event[];
      nextCursor: string | null;
    };
  };
  /**
   * What happened to a request, from its acceptance on.
   */
  readLogCsv: {
    input: ReadLogCsvInput;
    answer: Response;
  };
  /**
   * What the ledger knows of one identity: at most the latest hundred of each.
   */
  lookUpSubject: {
    input: LookUpSubjectInput;
    answer: LookedUp;
  };
  /**
   * Stop the hard deletion of subjects, now and in later requests; they stay hidden.
   */
  placeHold: {
    input: PlaceHoldInput;
    answer: Hold;
  };
  /**
   * Release a hold: what is overdue is deleted at the next run.
   */
  releaseHold: {
    input: ReleaseHoldInput;
    answer: void;
  };
  /**
   * Refuse to collect an identity again, apart from any deletion.
   */
  placeSuppression: {
    input: PlaceSuppressionInput;
    answer: {
      id: string;
      since: string;
    };
  };
  /**
   * Lift every suppression of an identity, those left by deletions included.
   */
  liftSuppression: {
    input: LiftSuppressionInput;
    answer: {
      id: string;
      liftedAt: string;
    };
  };
  /**
   * The audit log of a project, newest first.
   */
  listActivity: {
    input: ListActivityInput;
    answer: {
      items: Event[];
      nextCursor: string | null;
    };
  };
  /**
   * The audit log of a project, newest first.
   */
  listActivityCsv: {
    input: ListActivityCsvInput;
    answer: Response;
  };
  /**
   * Who may call on behalf of the project, newest first.
   */
  listMembers: {
    input: ListMembersInput;
    answer: {
      items: Member[];
      nextCursor: string | null;
    };
  };
  /**
   * A further member, with a first token, which is shown once.
   */
  addMember: {
    input: AddMemberInput;
    answer: AddedMember;
  };
  /**
   * Remove a member: its tokens and links end at once, what it has done stays recorded.
   */
  removeMember: {
    input: RemoveMemberInput;
    answer: void;
  };
  /**
   * A further token for yourself; several are valid at a time, so that one can take the place of another.
   */
  mintToken: {
    input: MintTokenInput;
    answer: MintedToken;
  };
  /**
   * Your tokens, newest first, those that have ended included.
   */
  listTokens: {
    input: ListTokensInput;
    answer: {
      items: Token[];
      nextCursor: string | null;
    };
  };
  /**
   * End a token at once: one of yours, for an owner any of the project; also the one that this is asked with.
   */
  revokeToken: {
    input: RevokeTokenInput;
    answer: void;
  };
  /**
   * Be told of every change of a request’s status, by a POST that is signed (Standard Webhooks).
   */
  addWebhook: {
    input: AddWebhookInput;
    answer: AddedWebhook;
  };
  /**
   * The webhooks of the project, newest first. They are few: all are one page.
   */
  listWebhooks: {
    input: ListWebhooksInput;
    answer: {
      items: Webhook[];
      nextCursor: string | null;
    };
  };
  /**
   * Tell it nothing any more, nor what is still to be told.
   */
  removeWebhook: {
    input: RemoveWebhookInput;
    answer: void;
  };
  /**
   * A new secret; the one so far signs beside it for a while.
   */
  rotateWebhookSecret: {
    input: RotateWebhookSecretInput;
    answer: RotatedSecret;
  };
  /**
   * Tell one again that answered 410, from now on.
   */
  enableWebhook: {
    input: EnableWebhookInput;
    answer: void;
  };
  /**
   * What a webhook was told, or is still to be told, newest first.
   */
  listDeliveries: {
    input: ListDeliveriesInput;
    answer: {
      items: Delivery[];
      nextCursor: string | null;
    };
  };
  /**
   * Send it again at once, under the same id, also where it was delivered.
   */
  retryDelivery: {
    input: RetryDeliveryInput;
    answer: void;
  };
}
export interface CreateRequestInput {
  /**
   * A text of your choice for this very request, such as a UUID. Sent again within 24 hours with the same body it gives the first answer again and starts nothing. For example `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: NewRequest;
}
export interface NewDeletion {
  kind: 'deletion';
  /**
   * A key of `projects` in lethe.config.ts.
   */
  project: string;
  regulation: string;
  /**
   * The e-mail address of a colleague who is told how it ends, never of a subject. It is shown to nobody.
   */
  notify?: string | null;
  subjects: {
    kind: 'user' | 'company';
    /**
     * @minItems 1
     * @maxItems 250000
     */
    identities?: Identity[];
    segment?: string;
    everyone?: true;
    /**
     * Of everyone, who is excluded. An alias or an e-mail that names several spares them all.
     *
     * @minItems 1
     * @maxItems 250000
     */
    except?: Identity[];
  };
  /**
   * `categories` and `sources` empty columns and keep the rows: nobody is hidden, and who comes back is collected as before.
   */
  scope?: 'data' | 'categories' | 'sources';
  suppress?: boolean;
  onConflict?: 'attach' | 'reject';
  /**
   * Count first, and touch nobody before `POST …/confirm`. Of everyone it has to be true.
   */
  confirm?: boolean;
  expedite?: {
    when: 'next_run' | 'now';
    /**
     * Why, for the audit log, which is kept: name a ticket or a rule, never a person.
     */
    reason: string;
  } | null;
  /**
   * Hide at once, and delete only who is in an archive that is ready. The project may require it.
   */
  exportFirst?: boolean;
}
export interface Identity {
  type: string;
  /**
   * One text, or one per column of a composite type.
   */
  value: string | string[];
}
export interface NewExport {
  kind: 'export';
  /**
   * A key of `projects` in lethe.config.ts.
   */
  project: string;
  regulation: string;
  /**
   * The e-mail address of a colleague who is told how it ends, never of a subject. It is shown to nobody.
   */
  notify?: string | null;
  /**
   * Everyone is exported with an owner's token only.
   */
  subjects: {
    kind: 'user' | 'company';
    /**
     * @minItems 1
     * @maxItems 250000
     */
    identities?: Identity[];
    segment?: string;
    everyone?: true;
  };
  /**
   * `data`: the rows; under `ccpa` those of twelve months. `categories`: which tables and columns hold something, and what it means, without any value. `sources`: the columns that tell by what means data was collected.
   */
  scope?: 'data' | 'categories' | 'sources';
  /**
   * `ndjson` loads again to the same rows; `csv` is for spreadsheets, formulas escaped.
   */
  format?: 'ndjson' | 'csv';
}
export interface AcceptedRequest {
  id: string;
  /**
   * `received`; where it stands by now, when the answer is a replay.
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
  kind: 'export' | 'deletion';
  project: string;
  regulation: string;
  /**
   * Identities; 0 of a segment or of everyone, until it is resolved.
   */
  submitted: number;
  receivedAt: string;
  dueAt: string;
  /**
   * Null of an export.
   */
  hardDeleteAt: string | null;
  /**
   * Null of an export: until it is ready.
   */
  cancellableUntil: string | null;
  estimatedCompletionAt: string;
  atRisk: boolean;
  links: {
    self: string;
    subjects: string;
    progress: string;
    receipt: string;
    log: string;
    confirm: string;
    archive: string;
    /**
     * Where links to the archive are made.
     */
    downloads: string;
  };
}
export interface ListRequestsInput {
  /**
   * A key of `projects` in lethe.config.ts. For example `demo`.
   */
  project?: string;
  /**
   * Of this kind.
   */
  kind?: 'export' | 'deletion';
  /**
   * In one of these statuses. Several are separated by commas.
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
   * Under this regulation. For example `gdpr`.
   */
  regulation?: string;
  /**
   * Received not before this time. For example `2026-11-23T00:00:00Z`.
   */
  receivedFrom?: string;
  /**
   * Received before this time. For example `2026-11-23T00:00:00Z`.
   */
  receivedBefore?: string;
  /**
   * By this member.
   */
  submittedBy?: string;
  /**
   * Whether an operator is needed.
   */
  needsAttention?: boolean;
  /**
   * Whether it cannot meet `dueAt`, or has not.
   */
  atRisk?: boolean;
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface RequestSummary {
  id: string;
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
  kind: 'export' | 'deletion';
  subjectKind: 'user' | 'company';
  regulation: string;
  selection: 'identities' | 'segment' | 'everyone';
  submitted: number;
  /**
   * Id of a member.
   */
  submittedBy: string;
  receivedAt: string;
  dueAt: string;
  /**
   * Null of an export.
   */
  hardDeleteAt: string | null;
  estimatedCompletionAt: string;
  atRisk: boolean;
  needsAttention: boolean;
  concludedAt: string | null;
  href: string;
}
export interface UploadSubjectsInput {
  /**
   * Whose subjects they are. For example `demo`.
   */
  project: string;
  /**
   * What is asked for.
   */
  kind: 'deletion';
  /**
   * By which law; it has the deadline that the project gives it. For example `gdpr`.
   */
  regulation: string;
  /**
   * The kind of all the subjects.
   */
  subjects: 'user' | 'company';
  /**
   * The identity type of all the lines. For example `user_id`.
   */
  type: string;
  /**
   * Which columns hold the identity, by name or by number from 1, separated by commas: one for each part of a composite type. Needed where a header names more columns and none of them is called like the type. For example `email,business_unit`.
   */
  columns?: string;
  /**
   * Whether the first line names the columns.
   */
  header?: 'present' | 'absent';
  /**
   * What stands between two columns.
   */
  delimiter?: ',' | ';' | 'tab';
  /**
   * Whether they are never to be collected again.
   */
  suppress?: boolean;
  /**
   * What to do when another open deletion owns a subject: share its outcome, or refuse all.
   */
  onConflict?: 'attach' | 'reject';
  /**
   * Count first, and touch nobody before `POST …/confirm`.
   */
  confirm?: boolean;
  /**
   * Not after the grace period, but so soon; with a reason.
   */
  expedite?: 'next_run' | 'now';
  /**
   * Why, for the audit log, which is kept: name a ticket or a rule, never a person. For example `ticket 4711`.
   */
  reason?: string;
  /**
   * What is deleted: the rows, or what the columns of `categories` or `sources` hold.
   */
  scope?: 'data' | 'categories' | 'sources';
  /**
   * Hide at once, and delete only who is in an archive that is ready.
   */
  exportFirst?: boolean;
  /**
   * A text of your choice for this very request, such as a UUID. Sent again within 24 hours with the same body it gives the first answer again and starts nothing. For example `"8e03978e-40d5-43e8-bc93-6894a57f9324"`.
   */
  idempotencyKey?: string;
  body: string | Blob | ReadableStream<Uint8Array>;
}
export interface AcceptedUpload {
  id: string;
  /**
   * `received`; where it stands by now, when the answer is a replay.
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
  kind: 'export' | 'deletion';
  project: string;
  regulation: string;
  /**
   * Identities; 0 of a segment or of everyone, until it is resolved.
   */
  submitted: number;
  receivedAt: string;
  dueAt: string;
  /**
   * Null of an export.
   */
  hardDeleteAt: string | null;
  /**
   * Null of an export: until it is ready.
   */
  cancellableUntil: string | null;
  estimatedCompletionAt: string;
  atRisk: boolean;
  links: {
    self: string;
    subjects: string;
    progress: string;
    receipt: string;
    log: string;
    confirm: string;
    archive: string;
    /**
     * Where links to the archive are made.
     */
    downloads: string;
  };
  /**
   * Every line behind the header: accepted, merged, failed and blank are the total.
   */
  lines: {
    total: number;
    accepted: number;
    merged: number;
    failed: number;
    blank: number;
  };
  /**
   * The first hundred lines that are no identity; all of them are in links.subjects.
   */
  failures: {
    line: number;
    reason: string;
  }[];
  /**
   * The first hundred lines that say what an earlier one said.
   */
  mergedInto: {
    line: number;
    into: number;
  }[];
}
export interface ReadRequestInput {
  /**
   * Of the request.
   */
  id: string;
}
export interface RequestStatus {
  id: string;
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
  kind: 'export' | 'deletion';
  project: string;
  subjectKind: 'user' | 'company';
  regulation: string;
  scope: 'data' | 'categories' | 'sources';
  selection: 'identities' | 'segment' | 'everyone';
  suppress: boolean;
  expedite: 'next_run' | 'now' | null;
  /**
   * Nobody is deleted who is not in an archive that is ready.
   */
  exportFirst: boolean;
  /**
   * Null of a deletion.
   */
  format: 'ndjson' | 'csv' | null;
  /**
   * Of an export: the deletion before which it is made.
   */
  backupOf: string | null;
  receivedAt: string;
  resolvedAt: string | null;
  dueAt: string;
  /**
   * Null of an export.
   */
  hardDeleteAt: string | null;
  /**
   * The earliest run that may claim one that waits; null: none does.
   */
  cancellableUntil: string | null;
  estimatedCompletionAt: string;
  /**
   * It cannot meet dueAt, or has not.
   */
  atRisk: boolean;
  concludedAt: string | null;
  failure: string | null;
  subjects: {
    submitted: number;
    resolved: number;
    states: {
      proposed: number;
      resolved: number;
      soft_deleted: number;
      claimed: number;
      deleted: number;
      partially_deleted: number;
      cancelling: number;
      cancelled: number;
      attached: number;
      not_found: number;
      scheduled: number;
      selected: number;
      exported: number;
      left_out: number;
    };
  };
  confirmation: Confirmation;
  heldSubjects: number;
  attention: Attention[];
  /**
   * Systems whose emptiness is their word, not an observation.
   */
  unverified: {
    system: string;
    level: 'attested' | 'none';
    saidAt: string | null;
  }[];
  notHiddenIn: string[];
  skipped: {
    system: string;
    reason: string | null;
    at: string;
  }[];
  /**
   * Of a deletion that exports first: what was exported.
   */
  backups: Backup[];
  archive: Archive;
  links: {
    self: string;
    subjects: string;
    progress: string;
    receipt: string;
    log: string;
    confirm: string;
    archive: string;
    /**
     * Where links to the archive are made.
     */
    downloads: string;
  };
}
export interface Attention {
  system: string;
  step: 'resolve' | 'inspect' | 'visibility' | 'delete' | 'verify' | 'conclude' | 'collect' | 'package' | 'backup';
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
  since: string;
  /**
   * When it is tried again without an operator.
   */
  retryAt: string | null;
  /**
   * What an operator can do.
   */
  remedy: string;
}
export interface Backup {
  requestId: string;
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
  readyAt: string | null;
  expiresAt: string | null;
  subjects: number;
}
export interface ListSubjectsInput {
  /**
   * Of the request.
   */
  id: string;
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface Subject {
  /**
   * In the submitted list, from 1; the subjects of a segment, or of everyone, are numbered.
   */
  position: number;
  /**
   * Of the uploaded file, where it stood in one.
   */
  line: number | null;
  type: string;
  /**
   * Null where it is invalid, and for all once the request has ended.
   */
  value: string[] | null;
  /**
   * Null until it is resolved.
   */
  outcome:
    | 'matched'
    | 'invalid'
    | 'not_found'
    | 'duplicate'
    | 'attached'
    | 'already_deleted'
    | 'soft_deleted'
    | 'held'
    | 'cancelled'
    | 'deleted'
    | 'partially_deleted'
    | 'exported'
    | 'left_out'
    | null;
  /**
   * The rows kept of the deleted subjects, per basis, over all systems. Empty if none is kept.
   */
  retained: {
    /**
     * The reason that the data map states for keeping the rows.
     */
    basis: string;
    rows: number;
  }[];
  reason: string | null;
  duplicateOf: number | null;
  identityCount: number;
  /**
   * What it pulled in: the first hundred of identityCount, until the request ends.
   */
  identities: {
    type: string;
    value: string[];
    origin: 'key' | 'submitted' | 'identity' | 'alias';
    /**
     * Somebody else is called the same: its data stays.
     */
    shared: boolean;
  }[];
}
export interface ReadProgressInput {
  /**
   * Of the request.
   */
  id: string;
}
export interface Progress {
  id: string;
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
   * Of a deletion.
   */
  batches: {
    system: string;
    batch: number;
    state: 'pending' | 'deleting' | 'verifying' | 'verified' | 'attested' | 'unverified' | 'attention' | 'skipped';
    /**
     * One more for each time that survivors were found.
     */
    pass: number;
    subjects: number;
    /**
     * Subjects of the ranges that this pass has finished.
     */
    finished: number;
    /**
     * Rows, in all passes.
     */
    removed: number;
    /**
     * Of scope `categories` or `sources`: rows that were emptied, in all passes.
     */
    blanked: number;
  }[];
  /**
   * Of an export.
   */
  collections: {
    system: string;
    /**
     * One more for each time that it has changed who belongs in the archive.
     */
    epoch: number;
    state: 'pending' | 'collected';
    rows: number;
    /**
     * Of the rows as they will lie in the archive.
     */
    bytes: number;
  }[];
  /**
   * What only Temporal knows; null when it is away, or does not run the request now.
   */
  live: {
    waitingFor: string | null;
    activities: {
      system: string | null;
      activity: string;
      attempt: number;
      nextAttemptAt: string | null;
    }[];
  } | null;
}
export interface ConfirmRequestInput {
  /**
   * Of the request.
   */
  id: string;
  body: NewConfirmation;
}
export interface NewConfirmation {
  /**
   * `confirmation.subjects` of the request, as you saw it.
   */
  expectedCount: number;
  /**
   * Needed where an exception matched nobody, and so spares nobody.
   */
  acceptUnmatched?: boolean;
}
export interface Confirmed {
  id: string;
  subjects: number;
  /**
   * Of them, those that another open deletion has come to own meanwhile.
   */
  attached: number;
  /**
   * The grace period runs from the confirmation.
   */
  hardDeleteAt: string;
  cancellableUntil: string;
  estimatedCompletionAt: string;
}
export interface CancelRequestInput {
  /**
   * Of the request.
   */
  id: string;
  body: Cancellation;
}
export interface Cancellation {
  /**
   * Of the submitted list, from 1; without it, all.
   *
   * @minItems 1
   * @maxItems 100000
   */
  positions?: number[];
}
export interface ExpediteRequestInput {
  /**
   * Of the request.
   */
  id: string;
  body: Expedition;
}
export interface Expedition {
  when: 'next_run' | 'now';
  /**
   * Why, for the audit log, which is kept: name a ticket or a rule, never a person.
   */
  reason: string;
}
export interface RetryRequestInput {
  /**
   * Of the request.
   */
  id: string;
  body: Retry;
}
export interface Retry {
  system?: string;
  /**
   * Why, for the audit log, which is kept: name a ticket or a rule, never a person.
   */
  reason: string;
}
export interface SkipSystemInput {
  /**
   * Of the request.
   */
  id: string;
  body: Skip;
}
export interface Skip {
  system: string;
  /**
   * Why, for the audit log, which is kept: name a ticket or a rule, never a person.
   */
  reason: string;
}
export interface ReadReceiptInput {
  /**
   * Of the request.
   */
  id: string;
}
export interface DeletionReceipt {
  requestId: string;
  kind: 'deletion';
  subjectKind: string;
  project: string;
  regulation: string;
  scope: string;
  status: string;
  /**
   * False while subjects are held, waiting or being deleted.
   */
  final: boolean;
  receivedAt: string;
  dueAt: string;
  concludedAt: string | null;
  submitted: number;
  subjects: {
    [k: string]: number;
  };
  outcomes: {
    [k: string]: number;
  };
  systems: {
    system: string;
    state: string;
    verifiedAt: string | null;
    /**
     * Why an operator ended the request without it.
     */
    skipReason: string | null;
    /**
     * Null where nobody could read it: unknown is not zero.
     */
    survivors: number | null;
    tables: {
      table: string;
      removed: number;
      /**
       * Of scope `categories` or `sources`: rows that stay, emptied of what it means.
       */
      blanked: number;
      retained: {
        /**
         * The reason that the data map states for keeping the rows.
         */
        basis: string;
        rows: number;
      }[];
    }[];
  }[];
  /**
   * What was exported first, and until when it can be had.
   */
  backups: {
    requestId: string;
    status: string;
    readyAt: string | null;
    expiresAt: string | null;
    subjects: number;
  }[];
  unverified: {
    system: string;
    level: string;
    saidAt: string | null;
  }[];
  limits: string[];
}
export interface ExportReceipt {
  requestId: string;
  kind: 'export';
  subjectKind: string;
  project: string;
  regulation: string;
  scope: string;
  format: 'ndjson' | 'csv';
  /**
   * An apostrophe stands before what looks like a formula.
   */
  csv: 'escaped' | null;
  receivedAt: string;
  packagedAt: string;
  /**
   * Rows from before were left out, where a table can tell.
   */
  since: string | null;
  subjects: number;
  systems: {
    system: string;
    /**
     * All its tables stand as they stood then.
     */
    cutOffAt: string;
  }[];
  /**
   * Systems that hold data and cannot hand it out.
   */
  notIncluded: string[];
  files: {
    system: string;
    table: string;
    /**
     * In the archive; null of `categories`.
     */
    path: string | null;
    meaning: string | null;
    columns: {
      name: string;
      type: string;
      meaning: string | null;
      /**
       * It tells by what means data was collected.
       */
      source: boolean;
      /**
       * Of `categories`: the rows in which it holds something.
       */
      filled?: number;
    }[];
    /**
     * Its rows from before `since` were left out.
     */
    windowed: boolean;
    /**
     * On what basis a deletion would keep it.
     */
    retained: string | null;
    rows: number;
    bytes: number;
    sha256: string;
  }[];
}
export interface MakeLinkInput {
  /**
   * Of the request.
   */
  id: string;
  body: NewLink;
}
export interface NewLink {
  /**
   * Seconds; at most, and by default, seven days. Never longer than the archive is there.
   */
  expiresIn?: number;
}
export interface MadeLink {
  id: string;
  /**
   * Good for one download, by whoever has it. Shown now and never again.
   */
  url: string;
  expiresAt: string;
}
export interface ListLinksInput {
  /**
   * Of the request.
   */
  id: string;
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface Link {
  id: string;
  state: 'open' | 'downloading' | 'used' | 'revoked' | 'expired';
  createdAt: string;
  /**
   * Id of a member, or `lethe` of one that was mailed.
   */
  createdBy: string;
  expiresAt: string;
  revokedAt: string | null;
  usedAt: string | null;
}
export interface RevokeLinkInput {
  /**
   * Of the request.
   */
  id: string;
  /**
   * Of the link.
   */
  linkId: string;
}
export interface DestroyArchiveInput {
  /**
   * Of the request.
   */
  id: string;
}
export interface ReadLogInput {
  /**
   * Of the request.
   */
  id: string;
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface Event {
  id: number;
  at: string;
  requestId: string | null;
  /**
   * Id of a member, or what acts by itself.
   */
  actor: string;
  /**
   * Of a member, a removed one as well.
   */
  actorName: string | null;
  /**
   * A noun, and what was done: `request.received`.
   */
  action: string;
  /**
   * Counts, positions, codes, references and reasons; never an identity.
   */
  detail: {
    [k: string]: string | number | boolean | null | number[];
  };
}
export interface ReadLogCsvInput {
  /**
   * Of the request.
   */
  id: string;
}
export interface LookUpSubjectInput {
  body: Lookup;
}
export interface Lookup {
  /**
   * A key of `projects` in lethe.config.ts.
   */
  project: string;
  kind: 'user' | 'company';
  identity: Identity;
}
export interface LookedUp {
  openRequests: {
    id: string;
    kind: 'export' | 'deletion';
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
    outcome:
      | 'matched'
      | 'invalid'
      | 'not_found'
      | 'duplicate'
      | 'attached'
      | 'already_deleted'
      | 'soft_deleted'
      | 'held'
      | 'cancelled'
      | 'deleted'
      | 'partially_deleted'
      | 'exported'
      | 'left_out'
      | null;
    /**
     * The rows kept of the deleted subjects, per basis, over all systems. Empty if none is kept.
     */
    retained: {
      /**
       * The reason that the data map states for keeping the rows.
       */
      basis: string;
      rows: number;
    }[];
    receivedAt: string;
    concludedAt: string | null;
    href: string;
  }[];
  /**
   * Those that have ended, with what became of this subject.
   */
  deletions: {
    id: string;
    kind: 'export' | 'deletion';
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
    outcome:
      | 'matched'
      | 'invalid'
      | 'not_found'
      | 'duplicate'
      | 'attached'
      | 'already_deleted'
      | 'soft_deleted'
      | 'held'
      | 'cancelled'
      | 'deleted'
      | 'partially_deleted'
      | 'exported'
      | 'left_out'
      | null;
    /**
     * The rows kept of the deleted subjects, per basis, over all systems. Empty if none is kept.
     */
    retained: {
      /**
       * The reason that the data map states for keeping the rows.
       */
      basis: string;
      rows: number;
    }[];
    receivedAt: string;
    concludedAt: string | null;
    href: string;
  }[];
  /**
   * Those whose archive has gone, or that ended without one.
   */
  exports: {
    id: string;
    kind: 'export' | 'deletion';
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
    outcome:
      | 'matched'
      | 'invalid'
      | 'not_found'
      | 'duplicate'
      | 'attached'
      | 'already_deleted'
      | 'soft_deleted'
      | 'held'
      | 'cancelled'
      | 'deleted'
      | 'partially_deleted'
      | 'exported'
      | 'left_out'
      | null;
    /**
     * The rows kept of the deleted subjects, per basis, over all systems. Empty if none is kept.
     */
    retained: {
      /**
       * The reason that the data map states for keeping the rows.
       */
      basis: string;
      rows: number;
    }[];
    receivedAt: string;
    concludedAt: string | null;
    href: string;
  }[];
  holds: {
    id: string;
    caseRef: string;
    heldBy: string;
    placedAt: string;
  }[];
  suppressions: {
    id: string;
    requestId: string | null;
    since: string;
  }[];
}
export interface PlaceHoldInput {
  body: NewHold;
}
export interface NewHold {
  /**
   * A key of `projects` in lethe.config.ts.
   */
  project: string;
  kind: 'user' | 'company';
  /**
   * @minItems 1
   * @maxItems 250000
   */
  identities: Identity[];
  /**
   * The case, never the person: it is kept.
   */
  caseRef: string;
  heldBy: string;
}
export interface Hold {
  id: string;
  placedAt: string;
  /**
   * Requests whose subjects it stops.
   */
  matching: {
    requestId: string;
    subjects: number;
  }[];
  /**
   * Requests whose subjects were claimed before: their deletion goes on.
   */
  tooLate: {
    requestId: string;
    subjects: number;
  }[];
}
export interface ReleaseHoldInput {
  /**
   * Of the hold.
   */
  id: string;
}
export interface PlaceSuppressionInput {
  body: Suppression;
}
export interface Suppression {
  /**
   * A key of `projects` in lethe.config.ts.
   */
  project: string;
  kind: 'user' | 'company';
  identity: Identity;
}
export interface LiftSuppressionInput {
  body: Suppression;
}
export interface ListActivityInput {
  /**
   * A key of `projects` in lethe.config.ts. For example `demo`.
   */
  project?: string;
  /**
   * Of this request.
   */
  requestId?: string;
  /**
   * By this member (`mem_…`), or by `lethe` itself.
   */
  actor?: string;
  /**
   * One action, or all of a noun. For example `hold.*`.
   */
  action?: string;
  /**
   * Not before this time. For example `2026-11-23T00:00:00Z`.
   */
  from?: string;
  /**
   * Before this time. For example `2026-11-23T00:00:00Z`.
   */
  before?: string;
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface ListActivityCsvInput {
  /**
   * A key of `projects` in lethe.config.ts. For example `demo`.
   */
  project?: string;
  /**
   * Of this request.
   */
  requestId?: string;
  /**
   * By this member (`mem_…`), or by `lethe` itself.
   */
  actor?: string;
  /**
   * One action, or all of a noun. For example `hold.*`.
   */
  action?: string;
  /**
   * Not before this time. For example `2026-11-23T00:00:00Z`.
   */
  from?: string;
  /**
   * Before this time. For example `2026-11-23T00:00:00Z`.
   */
  before?: string;
}
export interface ListMembersInput {
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface Member {
  id: string;
  /**
   * How colleagues know the member; unique in a project.
   */
  name: string;
  role: 'owner' | 'admin';
  addedAt: string;
}
export interface AddMemberInput {
  body: NewMember;
}
export interface NewMember {
  /**
   * How colleagues know the member; unique in a project.
   */
  name: string;
  role: 'owner' | 'admin';
}
export interface AddedMember {
  id: string;
  /**
   * How colleagues know the member; unique in a project.
   */
  name: string;
  role: 'owner' | 'admin';
  addedAt: string;
  token: MintedToken;
}
export interface MintedToken {
  id: string;
  /**
   * Where it is used, for whoever has to revoke it.
   */
  name: string;
  role: 'owner' | 'admin';
  /**
   * Null: of all kinds.
   *
   * @minItems 1
   * @maxItems 2
   */
  kinds: ('export' | 'deletion')[] | null;
  access: 'read' | 'write';
  expiresAt: string;
  /**
   * Shown now and never again.
   */
  token: string;
}
export interface RemoveMemberInput {
  /**
   * Of the member.
   */
  id: string;
}
export interface MintTokenInput {
  body: NewToken;
}
export interface NewToken {
  /**
   * Where it is used, for whoever has to revoke it.
   */
  name: string;
  /**
   * At most that of the token it is asked with, which is the default.
   */
  role?: 'owner' | 'admin';
  /**
   * Only for requests of these kinds. At most those of the token it is asked with, which are the default.
   *
   * @minItems 1
   * @maxItems 2
   */
  kinds?: ('export' | 'deletion')[];
  access?: 'read' | 'write';
  /**
   * At most, and by default, 365 days ahead.
   */
  expiresAt?: string;
}
export interface ListTokensInput {
  /**
   * For an owner: those of another member, or of all.
   */
  member?: 'all' | string;
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface Token {
  id: string;
  /**
   * Where it is used, for whoever has to revoke it.
   */
  name: string;
  role: 'owner' | 'admin';
  /**
   * Null: of all kinds.
   *
   * @minItems 1
   * @maxItems 2
   */
  kinds: ('export' | 'deletion')[] | null;
  access: 'read' | 'write';
  expiresAt: string;
  member: string;
  createdAt: string;
  /**
   * To the minute.
   */
  lastUsedAt: string | null;
  revokedAt: string | null;
}
export interface RevokeTokenInput {
  /**
   * Of the token.
   */
  id: string;
}
export interface AddWebhookInput {
  body: NewWebhook;
}
export interface NewWebhook {
  /**
   * Begins with https://. Where its name leads is judged at each connection.
   */
  url: string;
}
export interface AddedWebhook {
  id: string;
  url: string;
  /**
   * Signs what is sent, after Standard Webhooks. Shown now and never again.
   */
  secret: string;
}
export interface ListWebhooksInput {}
export interface Webhook {
  id: string;
  url: string;
  createdAt: string;
  /**
   * Id of a member.
   */
  createdBy: string;
  /**
   * When it answered 410; it is told nothing since.
   */
  disabledAt: string | null;
}
export interface RemoveWebhookInput {
  /**
   * Of the webhook.
   */
  id: string;
}
export interface RotateWebhookSecretInput {
  /**
   * Of the webhook.
   */
  id: string;
  body: Rotation;
}
export interface Rotation {
  /**
   * Seconds for which the secret so far signs beside the new one.
   */
  overlap?: number;
}
export interface RotatedSecret {
  /**
   * Signs what is sent, after Standard Webhooks. Shown now and never again.
   */
  secret: string;
  previousUntil: string;
}
export interface EnableWebhookInput {
  /**
   * Of the webhook.
   */
  id: string;
}
export interface ListDeliveriesInput {
  /**
   * Of the webhook.
   */
  id: string;
  /**
   * Items of a page.
   */
  limit?: number;
  /**
   * `nextCursor` of the page before; without it, the first.
   */
  cursor?: string;
}
export interface Delivery {
  /**
   * Also the `webhook-id` of what is sent.
   */
  id: string;
  requestId: string;
  /**
   * `request.` and the status that it has changed to.
   */
  type: string;
  /**
   * When it changed.
   */
  at: string;
  attempts: number;
  /**
   * Of the next attempt; null when there is none.
   */
  nextAt: string | null;
  outcome: 'delivered' | 'given_up' | null;
  /**
   * Why the last attempt failed: `http_` and a status, `timeout`, `connection`, `dns`, `tls`, `address_refused`; or why there was none: `removed`.
   */
  lastCode: string | null;
}
export interface RetryDeliveryInput {
  /**
   * Of the webhook.
   */
  id: string;
  /**
   * Of the delivery.
   */
  deliveryId: string;
}
export interface Readiness {
  ready: boolean;
  database: 'reachable' | 'away';
  schema: 'current' | 'other' | 'unknown';
  temporal: 'reachable' | 'away';
}
export interface Problem {
  /**
   * A URI reference to what the code means.
   */
  type: string;
  title: string;
  status: number;
  detail: string;
  /**
   * The id of the call in the log, as in `X-Request-Id`.
   */
  instance: string;
  code:
    | 'malformed_json'
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
    | 'link_not_found'
    | 'webhook_not_found'
    | 'delivery_not_found'
    | 'too_many_webhooks'
    | 'storage_unavailable'
    | 'internal';
  errors?: {
    in: 'body' | 'query' | 'header';
    pointer: string;
    code: string;
    detail: string;
  }[];
  [k: string]: unknown;
}

/** How a call is sent: members of its input that are neither in the path nor named here are its query. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly sends?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ROUTES: Readonly<Record<keyof Operations, Route>> = {
  createRequest: {"method":"POST","path":"/v1/requests","accept":"application/json","sends":"application/json","headers":{"idempotencyKey":"Idempotency-Key"}},
  listRequests: {"method":"GET","path":"/v1/requests","accept":"application/json"},
  uploadSubjects: {"method":"POST","path":"/v1/uploads","accept":"application/json","sends":"text/csv","headers":{"idempotencyKey":"Idempotency-Key"}},
  readRequest: {"method":"GET","path":"/v1/requests/{id}","accept":"application/json"},
  listSubjects: {"method":"GET","path":"/v1/requests/{id}/subjects","accept":"application/json"},
  readProgress: {"method":"GET","path":"/v1/requests/{id}/progress","accept":"application/json"},
  confirmRequest: {"method":"POST","path":"/v1/requests/{id}/confirm","accept":"application/json","sends":"application/json"},
  cancelRequest: {"method":"POST","path":"/v1/requests/{id}/cancel","accept":"application/json","sends":"application/json"},
  expediteRequest: {"method":"POST","path":"/v1/requests/{id}/expedite","accept":"application/json","sends":"application/json"},
  retryRequest: {"method":"POST","path":"/v1/requests/{id}/retry","accept":"application/json","sends":"application/json"},
  skipSystem: {"method":"POST","path":"/v1/requests/{id}/skip","accept":"application/json","sends":"application/json"},
  readReceipt: {"method":"GET","path":"/v1/requests/{id}/receipt","accept":"application/json"},
  makeLink: {"method":"POST","path":"/v1/requests/{id}/links","accept":"application/json","sends":"application/json"},
  listLinks: {"method":"GET","path":"/v1/requests/{id}/links","accept":"application/json"},
  revokeLink: {"method":"DELETE","path":"/v1/requests/{id}/links/{linkId}","accept":"application/json"},
  destroyArchive: {"method":"DELETE","path":"/v1/requests/{id}/archive","accept":"application/json"},
  readLog: {"method":"GET","path":"/v1/requests/{id}/log","accept":"application/json"},
  readLogCsv: {"method":"GET","path":"/v1/requests/{id}/log","accept":"text/csv"},
  lookUpSubject: {"method":"POST","path":"/v1/subjects/lookup","accept":"application/json","sends":"application/json"},
  placeHold: {"method":"POST","path":"/v1/holds","accept":"application/json","sends":"application/json"},
  releaseHold: {"method":"DELETE","path":"/v1/holds/{id}","accept":"application/json"},
  placeSuppression: {"method":"POST","path":"/v1/suppressions","accept":"application/json","sends":"application/json"},
  liftSuppression: {"method":"DELETE","path":"/v1/suppressions","accept":"application/json","sends":"application/json"},
  listActivity: {"method":"GET","path":"/v1/activity","accept":"application/json"},
  listActivityCsv: {"method":"GET","path":"/v1/activity","accept":"text/csv"},
  listMembers: {"method":"GET","path":"/v1/members","accept":"application/json"},
  addMember: {"method":"POST","path":"/v1/members","accept":"application/json","sends":"application/json"},
  removeMember: {"method":"DELETE","path":"/v1/members/{id}","accept":"application/json"},
  mintToken: {"method":"POST","path":"/v1/tokens","accept":"application/json","sends":"application/json"},
  listTokens: {"method":"GET","path":"/v1/tokens","accept":"application/json"},
  revokeToken: {"method":"DELETE","path":"/v1/tokens/{id}","accept":"application/json"},
  addWebhook: {"method":"POST","path":"/v1/webhooks","accept":"application/json","sends":"application/json"},
  listWebhooks: {"method":"GET","path":"/v1/webhooks","accept":"application/json"},
  removeWebhook: {"method":"DELETE","path":"/v1/webhooks/{id}","accept":"application/json"},
  rotateWebhookSecret: {"method":"POST","path":"/v1/webhooks/{id}/rotate","accept":"application/json","sends":"application/json"},
  enableWebhook: {"method":"POST","path":"/v1/webhooks/{id}/enable","accept":"application/json"},
  listDeliveries: {"method":"GET","path":"/v1/webhooks/{id}/deliveries","accept":"application/json"},
  retryDelivery: {"method":"POST","path":"/v1/webhooks/{id}/deliveries/{deliveryId}/retry","accept":"application/json"},
};

-- Every filter of a list finds its page without walking through what it leaves out, whatever plan is kept.
CREATE INDEX requests_by_status ON lethe.requests (project, status, received_at DESC, id DESC);
CREATE INDEX requests_by_regulation ON lethe.requests (project, regulation, received_at DESC, id DESC);
CREATE INDEX requests_by_member ON lethe.requests (project, submitted_by, received_at DESC, id DESC);
-- Those that can be at risk.
CREATE INDEX requests_open_of_project ON lethe.requests (project, received_at DESC, id DESC) WHERE concluded_at IS NULL;

-- The trail is read newest first by the instant that it tells; of an action the noun is what is indexed.
DROP INDEX lethe.audit_events_of_project;
CREATE INDEX audit_events_of_project ON lethe.audit_events (project, at, id);
CREATE INDEX audit_events_by_actor ON lethe.audit_events (project, actor, at, id);
CREATE INDEX audit_events_by_noun ON lethe.audit_events (project, split_part(action, '.', 1), at, id);

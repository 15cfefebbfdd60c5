# The image of a production server. There is no build step: the sources run as they are.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc prisma.config.ts ./
COPY prisma ./prisma
# Nothing here compiles: argon2 carries its binaries, and the database client is generated without a download. The Node
# that the project brings for bare machines is left out, since the image has one.
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

FROM node:24-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    MANAGEMENT_HOST=127.0.0.1 \
    MANAGEMENT_PORT=9464 \
    DATA_DIR=/var/lib/latchkey
WORKDIR /app
# The files belong to root, and the server runs as somebody who cannot change them.
COPY --from=dependencies /app ./
COPY bin ./bin
COPY config ./config
COPY server ./server
COPY views ./views
COPY LICENSE ./
RUN install -d -o node -g node -m 0700 /var/lib/latchkey
USER node
VOLUME /var/lib/latchkey
EXPOSE 3000
# Alive says nothing of PostgreSQL and Redis: a server that waits for them must not be restarted for it. That is /readyz.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.MANAGEMENT_PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process, so that it gets SIGTERM itself.
CMD ["node", "server/main.ts"]

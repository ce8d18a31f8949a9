# The service in a container: one supervisor, its API processes and its workers, without privileges.
#
#   docker build -t myapp .                         production; compose.yaml runs it with all that it needs
#   docker build -t myapp:debug --target debug .    development: scripts/deploy/compose.debug.yaml mounts the sources
#
# Migrations are a step of their own, before a new version starts:  docker run --rm ... myapp bun scripts/migrate.ts
ARG BUN_IMAGE=oven/bun:1.4.5-slim

FROM ${BUN_IMAGE} AS base
WORKDIR /app
COPY package.json package-lock.json ./

FROM base AS debug
RUN bun install --frozen-lockfile --ignore-scripts
COPY . .
ENV HOST=0.0.0.0 DATA_DIR=/tmp/data
USER bun
EXPOSE 8100
CMD ["bun", "--hot", "--no-clear-screen", "src/server.ts"]

FROM base AS dependencies
# What only editors and debuggers read is half of it.
RUN bun install --frozen-lockfile --production --ignore-scripts \
  && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.map' -o -name '*.md' \) -delete

FROM base AS production
ARG REVISION=unknown
LABEL org.opencontainers.image.title="restbun" \
  org.opencontainers.image.description="A REST API server on Bun, Hono, Postgres and Redis" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.revision="${REVISION}"
COPY --from=dependencies /app/node_modules node_modules
COPY tsconfig.json ./
COPY drizzle drizzle
COPY scripts scripts
COPY src src
# All that is ever written is the supervisor's own status: on a read-only file system /tmp is a tmpfs.
ENV NODE_ENV=production DATA_DIR=/tmp/data
USER bun
EXPOSE 8100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["bun", "--no-env-file", "scripts/deploy/healthcheck.ts"]
CMD ["bun", "--no-env-file", "src/supervisor.ts"]

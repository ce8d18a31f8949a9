#!/bin/sh
# The server's side of a deploy: `npm run deploy` sends it with each step, so that nothing of it is kept there.
# Usage: server.sh <folder> <name> prepare <release>
#        server.sh <folder> <name> install <release> <version of bun> <url of it> <sha512 of it, base64>
#        server.sh <folder> <name> migrate <release>       on one host of all
#        server.sh <folder> <name> take <release>          what ran before runs on, if it does not get ready
#        server.sh <folder> <name> leave <release> <previous>   to the previous one, if that release is the current one
#        server.sh <folder> <name> finish <release> | before | now | status
set -eu
umask 027
base=$1 name=$2 command=$3
shift 3
keep=5

say() { echo "== $*"; }
fail() {
  echo "$*" >&2
  exit 1
}
cd "$base" 2>/dev/null || fail "There is no $base here, or it is not for $(id -un): npm run deploy -- setup root@host"

list() { find releases -mindepth 1 -maxdepth 1 -name '[0-9]*' -printf '%f\n'; }
current() { basename "$(readlink current 2>/dev/null || true)"; }

# Makes `current` lead to a release, in one step: nobody ever finds it missing.
switch_to() {
  ln -s "releases/$1" "current.$$"
  mv -T "current.$$" current
}

# Runs Bun in a release, with the settings of the server. Its input is not ours, which is this script.
in_release() {
  release=$1
  shift
  (cd "releases/$release" && env PWD="$base/current" NODE_ENV=production bin/bun "$@" </dev/null)
}
runs() { in_release "$1" scripts/status.ts --json >/dev/null 2>&1; }

# The Bun of a release: a hard link, so that the release has it for as long as it lives.
fetch_bun() {
  version=$1 url=$2 digest=$3
  if [ ! -x "bun/$version" ]; then
    say "fetching Bun $version"
    mkdir -p "bun/.$version"
    curl -fsSL --retry 2 -o "bun/.$version/package.tgz" "$url" || fail "Bun could not be fetched from $url"
    found=$(openssl dgst -sha512 -binary "bun/.$version/package.tgz" | openssl base64 -A)
    [ "$found" = "$digest" ] || fail "What came from $url is not what package-lock.json names: $found"
    tar -xzf "bun/.$version/package.tgz" -C "bun/.$version" package/bin/bun
    chmod 755 "bun/.$version/package/bin/bun"
    mv "bun/.$version/package/bin/bun" "bun/$version"
    rm -r "bun/.$version"
  fi
}

# Trusts whom the system trusts, as curl does. What it says matters only if it fails.
install_packages() {
  export NODE_USE_SYSTEM_CA=1
  said=$(in_release "$1" install --production --frozen-lockfile --ignore-scripts 2>&1) || fail "$said"
}

prepare() {
  release=$1
  [ -r shared/.env ] || fail "$base/shared/.env is missing, or not for $(id -un): npm run deploy -- setup root@host"
  # An hour is longer than any deploy: what is older was left by one that was cut off.
  find releases -maxdepth 1 -name .deploying -mmin +60 -exec rmdir {} +
  mkdir releases/.deploying 2>/dev/null || fail "Another deploy is under way: $base/releases/.deploying (rmdir it if that is not so)"
  mkdir "releases/$release"
  echo "machine: $(uname -m)"
  echo "previous: $(current)"
}

# Ends a deploy, whatever became of it: a release that is not the current one goes.
finish() {
  rmdir releases/.deploying 2>/dev/null || true
  [ "$(current)" = "$1" ] || rm -rf "releases/$1"
  prune
}

# Every process onto the release that `current` leads to. Not ready in time: what ran before runs on, and this fails.
reload() { in_release "$1" scripts/reload.ts; }

# After a reload that failed: of several processes, some may already have been replaced.
back_to() {
  switch_to "$1"
  reload "$1" || true
}

install() {
  release=$1 version=$2
  fetch_bun "$2" "$3" "$4"
  mkdir "releases/$release/bin"
  ln "bun/$version" "releases/$release/bin/bun"
  ln -s ../../shared/.env "releases/$release/.env"
  say "packages"
  install_packages "$release"
}

migrate() {
  say "migrations"
  in_release "$1" scripts/migrate.ts
}

take() {
  release=$1
  previous=$(current)
  if runs "$release"; then
    say "reload"
    switch_to "$release"
    if ! reload "$release"; then
      say "back to $previous"
      back_to "$previous"
      fail "The release did not get ready: $previous serves on. Migrations that were applied stay applied"
    fi
  else
    switch_to "$release"
    start "$release"
  fi
}

leave() {
  [ "$(current)" = "$1" ] && [ -n "$2" ] || return 0
  say "back to $2"
  back_to "$2"
}

start() {
  if command -v systemctl >/dev/null && systemctl cat "$name.service" >/dev/null 2>&1; then
    say "start"
    sudo -n systemctl start "$name" || fail "It does not start: journalctl -u $name -n 50"
  else
    say "the release is in place, but no service runs, and systemd knows none: start it"
  fi
}

# The newest stay, and the current one, whatever its age; and each Bun that one of them uses.
prune() {
  list | sort -r | tail -n +$((keep + 1)) | while read -r old; do
    [ "$old" = "$(current)" ] || rm -rf "releases/$old"
  done
  find bun -maxdepth 1 -type f -links 1 -delete
}

before() {
  now=$(current)
  target=$(list | sort | awk -v now="$now" '$0 < now' | tail -n 1)
  [ -n "$target" ] || fail "There is no release before $now"
  echo "now: $now"
  echo "target: $target"
}

now() { echo "now: $(current)"; }

status() {
  now=$(current)
  for release in $(list | sort -r); do
    if [ "$release" = "$now" ]; then echo "* $release"; else echo "  $release"; fi
  done
  [ -z "$now" ] || in_release "$now" scripts/status.ts || true
}

case $command in
  prepare | install | migrate | take | leave | finish | before | now | status) "$command" "$@" ;;
  *) fail "$command is no step of a deploy" ;;
esac

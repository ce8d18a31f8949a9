#!/bin/sh
# Prepares a Debian server, as root: user, folders, systemd unit, sysctl, logrotate. What exists stays as it is, but for
# the unit and its neighbours, which are brought up to date. `npm run deploy -- setup` sends it, and the files it installs.
# Usage: setup.sh <name> <folder> <dry or real> <folder of the files>
set -eu
name=$1 base=$2 mode=$3 files=$4
shared=$base/shared

say() { echo "== $*"; }
run() {
  echo "   $*"
  [ "$mode" = dry ] || "$@"
}
# Puts a file in place, with this service's name and folder in it.
install_file() {
  echo "   $1 -> $2"
  [ "$mode" = dry ] && return
  sed "s#/srv/myapp#$base#g; s#myapp#$name#g" "$files/$1" >"$2"
  chmod "$3" "$2"
}

[ "$mode" = dry ] || [ "$(id -u)" = 0 ] || { echo "setup needs root: npm run deploy -- setup root@host"; exit 1; }

say "the user $name"
id "$name" >/dev/null 2>&1 || run useradd --system --user-group --password '*' \
  --home-dir "$base" --no-create-home --shell /bin/sh "$name"

say "folders"
for folder in "$base" "$base/releases" "$base/bun" "$shared" "$shared/data" "$shared/log" "$base/.ssh"; do
  [ -d "$folder" ] || run install -d -o "$name" -g "$name" -m 750 "$folder"
done

say "who may deploy: the keys that may log in as $(id -un)"
if [ ! -s "$base/.ssh/authorized_keys" ]; then
  if [ -s "$HOME/.ssh/authorized_keys" ]; then
    run install -o "$name" -g "$name" -m 600 "$HOME/.ssh/authorized_keys" "$base/.ssh/authorized_keys"
  else
    echo "   none found: write yours to $base/.ssh/authorized_keys"
  fi
fi

password= redis_password=
if [ ! -e "$shared/.env" ]; then
  say "settings: $shared/.env, outside the releases, for $name only"
  password=$(od -An -tx1 -N18 /dev/urandom | tr -d ' \n')
  redis_password=$(od -An -tx1 -N18 /dev/urandom | tr -d ' \n')
  if [ "$mode" = real ]; then
    (
      umask 077
      cat >"$shared/.env" <<ENV
NODE_ENV=production
# Where people reach the service, for the links in mails: https://api.example.com
APP_URL=http://$(hostname -f 2>/dev/null || hostname):8100
DATABASE_URL=postgres://$name:$password@127.0.0.1:5432/$name
REDIS_URL=redis://:$redis_password@127.0.0.1:6379
DATA_DIR=$shared/data
# The journal has the log. A file as well, which rotates and is removed by age: LOG_FILE=$shared/log/app.log
HOST=127.0.0.1
TRUSTED_PROXIES=127.0.0.1
# SMTP_URL=smtp://user:password@mail.example.com:587
# CORS_ORIGINS=https://app.example.com
ENV
    )
    chown "$name:$name" "$shared/.env"
  fi
fi

say "systemd, sysctl, logrotate"
[ "$mode" = dry ] || mkdir -p /etc/systemd/system /etc/sysctl.d /etc/logrotate.d
install_file systemd.service "/etc/systemd/system/$name.service" 644
install_file sysctl.conf "/etc/sysctl.d/60-$name.conf" 644
install_file logrotate.conf "/etc/logrotate.d/$name" 644
run sysctl -q -p "/etc/sysctl.d/60-$name.conf" || echo "   refused here: the host of this container has to set it"
if [ -d /etc/sudoers.d ]; then
  # All that a deploy needs root for: to start what does not run.
  echo "   $name may: systemctl start, stop and restart $name"
  if [ "$mode" = real ]; then
    printf '%s ALL=(root) NOPASSWD: /usr/bin/systemctl start %s, /usr/bin/systemctl stop %s, /usr/bin/systemctl restart %s\n' \
      "$name" "$name" "$name" "$name" >"/etc/sudoers.d/$name"
    chmod 440 "/etc/sudoers.d/$name"
  fi
fi
if [ -d /run/systemd/system ]; then
  run systemctl daemon-reload
  run systemctl enable "$name"
fi

missing=
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing=' ca-certificates'
for package in rsync:rsync curl:curl openssl:openssl sudo:sudo logrotate:logrotate psql:postgresql redis-server:redis-server nginx:nginx; do
  command -v "${package%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${package%%:*}" ] || missing="$missing ${package#*:}"
done

cat <<NEXT

What is left to do, once:
${missing:+
  packages      apt update && apt install --no-install-recommends$missing
                then run setup again, if sudo was among them
}
  Bun           nothing: each deploy brings the version that the project pins, from the npm registry, checked

  Postgres      sudo -u postgres createuser $name
                sudo -u postgres psql -c "alter user \"$name\" password '${password:-<as in .env>}'"
                sudo -u postgres createdb --owner=$name --encoding=UTF8 --locale=C.UTF-8 --template=template0 $name

  Redis         in /etc/redis/redis.conf: appendonly yes, maxmemory-policy noeviction,
                requirepass ${redis_password:-<as in .env>}
                then systemctl restart redis-server (sessions and jobs live there)

  settings      $shared/.env
  a proxy       scripts/deploy/nginx.conf or Caddyfile, with TLS

Then: npm run deploy -- $name@<this host>
NEXT

#!/bin/sh
# The first calls of a client, with curl: signs up, and asks who it is. Another server:
# PORT=8101 sh test/quick.sh, or URL=http://host:port sh test/quick.sh
set -eu
port=${PORT:-$(sed -n 's/^PORT=//p' .env 2>/dev/null || true)}
url=${URL:-http://localhost:${port:-8100}}
cookies=$(mktemp)
trap 'rm -f "$cookies"' EXIT

curl --silent --output /dev/null "$url/health" || {
  echo "No server answers at $url. \`npm start\` runs one; name another by PORT=8101 or URL=http://host:port" >&2
  exit 1
}

call() {
  curl --silent --show-error --fail-with-body --cookie "$cookies" --cookie-jar "$cookies" \
    --header 'Content-Type: application/json' "$@"
  echo
}

call "$url/api/signup" --data "{\"email\":\"quick-$(date +%s)-$$@example.com\",\"password\":\"123abC\",\"fname\":\"Quick\",\"lname\":\"Start\"}"
call "$url/api/movies/" --data '{"title":"Heat","director":"Michael Mann"}'
call "$url/api/movies/?search=heat&limit=3"
call "$url/api/me"

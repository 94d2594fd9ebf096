#!/bin/sh
# Ask the prediction Lambda through its Function URL with curl, which signs the request itself (curl 7.75 or newer).
#
#   examples/predict.sh URL PICTURE
#
# URL is PredictFunctionUrl in the stack's outputs; PICTURE is a file or an https:// address. The credentials are those of
# the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, with a role also AWS_SESSION_TOKEN, and AWS_REGION.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 URL PICTURE" >&2; exit 2; }
url=$1 picture=$2

case $picture in
  https://*) body=$(printf '{"url": "%s", "top_k": 3}' "$picture") ;;
  *) body=$(printf '{"image": "%s", "top_k": 3}' "$(base64 < "$picture" | tr -d '\n')") ;;
esac

# The token of a role's session is a header of its own, and is signed like the others.
set -- --header 'Content-Type: application/json'
[ -z "${AWS_SESSION_TOKEN:-}" ] || set -- "$@" --header "X-Amz-Security-Token: $AWS_SESSION_TOKEN"

# The keys go through a file of our own, not over the command line, which every user of the machine can read.
# --retry waits as long as Retry-After says, for 429 and 503 among others.
config=$(mktemp) && trap 'rm -f "$config" "$config.body"' EXIT
chmod 600 "$config"
printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" > "$config"
printf '%s' "$body" > "$config.body"
curl --silent --show-error --fail-with-body --max-time 40 --retry 3 --noproxy 127.0.0.1 \
  --config "$config" --aws-sigv4 "aws:amz:${AWS_REGION:-us-east-1}:lambda" \
  "$@" --data-binary "@$config.body" "$url"
echo

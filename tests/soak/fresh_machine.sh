#!/usr/bin/env bash
# README's test command on a machine with Node alone: a clone of the last commit, an ordinary user, none of the programs
# that tests start. It must end with exit status 0, name what it left out, and fail nothing. Needs root and Linux; nothing
# outside a temporary folder changes.
#
#     tests/soak/fresh_machine.sh                             every test
#     tests/soak/fresh_machine.sh tests/e2e/tls_test.ts       some
set -euo pipefail

if [ "${1-}" != --inside ]; then
  [ "$(id -u)" -eq 0 ] || { echo "Cannot hide programs: run it as root"; exit 2; }
  root=$(cd "$(dirname "$0")/../.." && pwd)
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  git clone --quiet --no-hardlinks "$root" "$folder/clone"
  mkdir "$folder/home" "$folder/tmp"
  (
    cd "$folder/clone"
    npx --yes deno@2.9.6 eval '
      import { placesOf, PROGRAMS } from "./tests/support/programs.ts";
      for (const name of Object.keys(PROGRAMS)) {
        for (const place of placesOf(name)) console.log(place);
      }'
  ) >"$folder/programs"
  chown -R nobody: "$folder"
  unshare --mount "$0" --inside "$folder" "$@"
  exit
fi

folder=$2
shift 2
# What is mounted here is seen in here only. A link is followed: what it leads to is hidden.
for path in $(cat "$folder/programs") /usr/bin/deno /usr/bin/sudo; do
  if [ -e "$path" ]; then mount --bind /dev/null "$(realpath "$path")"; fi
done
cd "$folder/clone"
exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -u DENO_DIR \
  HOME="$folder/home" TMPDIR="$folder/tmp" PATH=/usr/local/bin:/usr/bin:/bin NO_COLOR=1 \
  npx --yes deno@2.9.6 task test "$@"

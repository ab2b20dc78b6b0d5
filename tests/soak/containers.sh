#!/usr/bin/env bash
# compose.yaml and Containerfile as they are run: builds the image, starts the cluster, lets players in, stops and kills
# a game server under them, and removes everything again. Needs root, ports 8080 to 8084, and Debian's podman, buildah,
# crun, podman-compose and mmdebstrap.
#
#     tests/soak/containers.sh                with the images that compose.yaml and Containerfile name
#     tests/soak/containers.sh --stand-ins    those that are not there are made of Debian's packages: no registry needed
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(mktemp -d)
export BUILDAH_FORMAT=docker
# Its name is that of the containers, too; secrets of a cluster that somebody runs from here stay as they are.
project=drawbridge-check
compose() { podman-compose --project-name "$project" --file "$folder/source/compose.yaml" "$@"; }
clean_up() {
  compose down --volumes >"$folder/down.log" 2>&1 || true
  rm -rf "$folder"
}
trap clean_up EXIT
fail() {
  echo "FAILED: $1"
  exit 1
}
step() { echo "$(date +%T) $1"; }

# What is not committed is not tried.
git clone --quiet --no-hardlinks . "$folder/source"
cd "$folder/source"

has_image() { podman image exists "$1"; }
if [ "${1-}" = --stand-ins ]; then
  step "stand-ins for images"
  slim=docker.io/library/debian:bookworm-slim
  has_image "$slim" || mmdebstrap --quiet --variant=minbase bookworm - | podman import --quiet - "$slim"
  deno=$(sed -n 's/^FROM \(\S*deno:\S*\) AS deno$/\1/p' Containerfile)
  has_image "$deno" || {
    mkdir "$folder/deno"
    cp "$(realpath "$(command -v deno)")" "$folder/deno/deno"
    tar -C "$folder/deno" -c ./deno | podman import --quiet - "$deno"
  }
  postgres=$(sed -n 's/^    image: \(\S*postgres:\S*\)$/\1/p' compose.yaml)
  has_image "$postgres" || podman build --quiet --network host --tag "$postgres" - <<END
FROM $slim
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-15
ENV PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN install -d -m 0700 -o postgres -g postgres /var/lib/postgresql/data /var/run/postgresql
VOLUME /var/lib/postgresql/data
USER postgres
RUN printf '%s\n' 'set -e; [ -s "\$PGDATA/PG_VERSION" ] || {' \
  ' initdb -U "\$POSTGRES_USER" --pwfile=<(echo "\$POSTGRES_PASSWORD") --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8' \
  ' echo host all all all scram-sha-256 >>"\$PGDATA/pg_hba.conf"' \
  ' pg_ctl -w start -o "-c listen_addresses="; createdb -U "\$POSTGRES_USER" "\$POSTGRES_DB"; pg_ctl -w stop; }' \
  'exec "\$@" -c listen_addresses=*' >/tmp/entry.sh
ENTRYPOINT ["bash", "/tmp/entry.sh"]
STOPSIGNAL SIGINT
END
  nats=$(sed -n 's/^    image: \(\S*nats:\S*\)$/\1/p' compose.yaml)
  has_image "$nats" || podman build --quiet --network host --tag "$nats" - <<END
FROM $slim
RUN apt-get update && apt-get install -y --no-install-recommends nats-server
ENTRYPOINT ["nats-server"]
END
fi

step "the image"
podman build --network host --file Containerfile --tag drawbridge . >"$folder/build.log" 2>&1 ||
  { tail -20 "$folder/build.log"; fail "Containerfile cannot be built"; }

step "the cluster"
compose up -d >"$folder/up.log" 2>&1 && fail "it starts without passwords"
printf 'POSTGRES_PASSWORD=%s\nNATS_PASSWORD=%s\nPUBLIC_HOST=127.0.0.1\n' "$(openssl rand -hex 24)" "$(openssl rand -hex 24)" >.env
compose up -d >"$folder/up.log" 2>&1 || { tail -20 "$folder/up.log"; fail "compose.yaml cannot be started"; }
container() { podman ps --all --quiet --filter "name=^${project}_$1_1\$"; }
await_health() {
  for _ in $(seq 120); do
    if podman healthcheck run "$(container "$1")" >/dev/null 2>&1; then return; fi
    sleep 1
  done
  podman logs --tail 5 "$(container "$1")"
  fail "$1 is not healthy"
}
for name in login dragon phoenix; do await_health "$name"; done

step "an ordinary user, and a root that nobody can write"
dragon=$(container dragon)
[ "$(podman exec "$dragon" id --user)" = 10001 ] || fail "it runs as another user"
podman exec "$dragon" touch /opt/drawbridge/stray 2>/dev/null && fail "its root can be written"

step "20 players, whose server is stopped"
podman exec "$dragon" deno task admin players --count 20 --prefix bot --tokens - 2>/dev/null >"$folder/tokens"
deno task loadtest world --tokens "$folder/tokens" --connections 20 --rate 2 --duration 60 >"$folder/load.log" 2>&1 &
load=$!
for _ in $(seq 10); do
  online=$(podman exec "$dragon" deno task admin list 2>/dev/null | sed -n 's/^\([0-9]*\) online.*/\1/p')
  if [ "$online" = 20 ]; then break; fi
done
[ "${online:-0}" -gt 0 ] || fail "nobody could enter"
podman stop --time 60 "$dragon" >/dev/null 2>&1
[ "$(podman inspect --format '{{.State.ExitCode}}' "$dragon")" = 0 ] || fail "it did not stop in order"
podman logs "$dragon" 2>&1 | grep -q '"Handed sessions over","properties":{"count":'"$online"',"left":0}' ||
  { podman logs --tail 5 "$dragon"; fail "it did not hand its $online players over"; }
wait "$load" || true

step "a server that is killed is started again"
podman start "$dragon" >/dev/null 2>&1
await_health dragon
kill -KILL "$(podman inspect --format '{{.State.Pid}}' "$dragon")"
sleep 2
await_health dragon

step "everything held"

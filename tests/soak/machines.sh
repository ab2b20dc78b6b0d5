#!/usr/bin/env bash
# docs/deploy.md, "Several machines", word for word: its commands are read from the page and run on four machines, which
# are systemd of Debian 12 in containers of systemd-nspawn with addresses of their own. Then players talk while the game
# servers are restarted as for an upgrade, one is killed, and the database is copied and restored. Needs root, a network,
# and Debian's systemd-container, mmdebstrap, iproute2 and nftables; takes some ten minutes.
#
#     tests/soak/machines.sh           makes the machines' root first
#     tests/soak/machines.sh FOLDER    takes that of a Debian 12 with the packages below
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=systemd,systemd-sysv,dbus,ca-certificates,curl,openssl,sudo,iproute2,procps
network=10.77.0
names=(db login game2 game3)
folder=$(mktemp -d)
page=$folder/source/docs/deploy.md

clean_up() {
  for name in "${names[@]}"; do
    # The first process of the machine, then what started it.
    for file in pid nspawn; do
      if [ -s "$folder/$name.$file" ]; then kill -KILL "$(cat "$folder/$name.$file")" 2>/dev/null || true; fi
    done
  done
  sleep 1
  for name in "${names[@]}"; do
    umount "$folder/$name/root" 2>/dev/null || true
    ip netns delete "drawbridge-$name" 2>/dev/null || true
  done
  ip link delete drawbridge0 2>/dev/null || true
  nft delete table ip drawbridge_machines 2>/dev/null || true
  if mountpoint --quiet "$folder/db/root"; then echo "Not removed: $folder"; else rm -rf "$folder"; fi
}
trap clean_up EXIT
fail() {
  echo "FAILED: $1"
  exit 1
}
began=$(date +%s)
step() { echo "$(($(date +%s) - began)) s: $1"; }

git clone --quiet --no-hardlinks . "$folder/source"
base=${1-$folder/base}
if [ ! -e "$base" ]; then mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$base"; fi
step "the machines"
# The shell script in the N-th block of a section, with the addresses of here.
block() {
  awk -v section="## $1" -v wanted="$2" '
    /^## / { is_in = $0 == section }
    is_in && /^ *```/ { if (is_open) is_open = 0; else { is_open = 1; count++; match($0, /^ */); indent = RLENGTH; next } }
    is_in && is_open && count == wanted { print substr($0, indent + 1) }' "$page" |
    sed "s/10\.0\.0\.0/$network.0/; s#REPOSITORY#/srv/drawbridge#; s/ && journalctl --follow.*//"
}
sysctl --quiet --write net.ipv4.ip_forward=1
ip link add drawbridge0 type bridge
ip address add "$network.1/24" dev drawbridge0
ip link set drawbridge0 up
nft -f - <<END
table ip drawbridge_machines {
  chain out {
    type nat hook postrouting priority 100;
    ip saddr $network.0/24 oifname != "drawbridge0" masquerade;
  }
}
END

address=10
for name in "${names[@]}"; do
  ip netns add "drawbridge-$name"
  ip link add "db-$name" type veth peer name host0 netns "drawbridge-$name"
  ip link set "db-$name" master drawbridge0 up
  ip -netns "drawbridge-$name" address add "$network.$address/24" dev host0
  ip -netns "drawbridge-$name" link set lo up
  ip -netns "drawbridge-$name" link set host0 up
  ip -netns "drawbridge-$name" route add default via "$network.1"
  mkdir -p "$folder/$name/upper" "$folder/$name/work" "$folder/$name/root"
  mount -t overlay -o "lowerdir=$base,upperdir=$folder/$name/upper,workdir=$folder/$name/work" overlay "$folder/$name/root"
  root=$folder/$name/root
  echo "$name" >"$root/etc/hostname"
  : >"$root/etc/machine-id"
  cp --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
  printf '%s\n' "127.0.0.1 localhost $name" "$network.10 db.example.org nats.example.org" "$network.11 login.example.org" \
    "$network.12 game2.example.org" "$network.13 game3.example.org" >"$root/etc/hosts"
  # systemd wants the second version of control groups to itself.
  unshare --mount sh -c '
    [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || { umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; }
    exec systemd-nspawn --quiet --register=no --keep-unit --machine="drawbridge-$1" --directory="$2" --console=pipe \
      --network-namespace-path="/run/netns/drawbridge-$1" --capability=all --resolv-conf=off --bind-ro="$3:/srv/drawbridge" --boot
  ' sh "$name" "$root" "$folder/source" </dev/null >"$folder/$name.log" 2>&1 &
  echo $! >"$folder/$name.nspawn"
  # That it was killed, in the end, is no news.
  disown "$!"
  for _ in $(seq 300); do
    if pgrep --exact --parent "$!" systemd >"$folder/$name.pid"; then break; fi
    sleep 0.1
  done
  address=$((address + 1))
done
# Runs a script on a machine.
on() {
  local name=$1
  shift
  nsenter --target "$(cat "$folder/$name.pid")" --mount --uts --ipc --net --pid --root --wd -- \
    env HOME=/root DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash -euc "cd /root; $*"
}
for name in "${names[@]}"; do
  for _ in $(seq 240); do
    if on "$name" 'systemctl is-system-running' 2>/dev/null | grep -qE 'running|degraded'; then continue 2; fi
    sleep 0.5
  done
  fail "$name does not boot: $(tail -5 "$folder/$name.log")"
done

began=$(date +%s)
step "certificates, PostgreSQL, NATS"
mkdir "$folder/ca"
(cd "$folder/ca" && bash -euc "$(block "Several machines" 1)
  for name in login game2 game3; do $(block "Several machines" 1 | sed -n '/openssl.*-CA/,/addext/p'); done") 2>/dev/null
for name in db nats; do cp "$folder/ca/$name".* "$folder/db/root/root/"; done
password=$(openssl rand -hex 24)
quietly() { "$@" >"$folder/last.log" 2>&1 || { tail -20 "$folder/last.log"; fail "a command of the page"; }; }
quietly on db "apt-get update"
quietly on db "$(block "Several machines" 2)" <<<"$password"$'\n'"$password"
quietly on db "apt-get install -y nats-server"
block "Several machines" 3 | sed "s/\"\.\.\.\"/\"$password\"/" >"$folder/db/root/etc/nats-server.conf"
quietly on db "$(block "Several machines" 4)"

step "servers"
server() {
  local name=$1 service=$2 role=$3 id=$4 root=$folder/$1/root
  on "$name" "apt-get update; $(block "Several machines" 5)"
  cp "$folder/ca/ca.pem" "$root/etc/drawbridge/"
  cp "$folder/ca/$name.pem" "$root/etc/drawbridge/cert.pem"
  cp "$folder/ca/$name.key" "$root/etc/drawbridge/key.pem"
  block "Several machines" 6 | sed "s/PASSWORD/$password/; s/^DRAWBRIDGE_ROLE=.*/DRAWBRIDGE_ROLE=$role/
    s/SERVER_ID=.*/SERVER_ID=$id/; s/SERVER_NAME=.*/SERVER_NAME=$service/
    s/\(PUBLIC_HOST=\|wss:..\)game2/\1$name/" >"$root/etc/drawbridge/$service.env"
  on "$name" "$(block "Several machines" 7 | sed "s/dragon/$service/g")"
  on "$name" "for i in \$(seq 300); do if curl -sf http://127.0.0.1:9090/readyz; then exit; fi; sleep 0.2; done
    journalctl --no-pager --output=cat --unit drawbridge@$service; exit 1"
}
starting=()
server login login login 1 >"$folder/login.out" 2>&1 & starting+=($!)
server game2 dragon game 2 >"$folder/game2.out" 2>&1 & starting+=($!)
server game3 phoenix game 3 >"$folder/game3.out" 2>&1 & starting+=($!)
for each in "${starting[@]}"; do
  wait "$each" || { tail -n 8 "$folder"/*.out; fail "a server is not ready"; }
done
step "three servers are ready"

printf '%s\n' "127.0.0.1 localhost" >"$folder/hosts"
tail -n +2 "$folder/db/root/etc/hosts" >>"$folder/hosts"
play() {
  unshare --mount sh -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' sh "$folder/hosts" \
    deno run --lock=dev.lock --no-prompt -A tests/soak/machines_player.ts login.example.org "$folder/ca/ca.pem" "$@"
}
restart() {
  on "$1" "systemctl restart drawbridge@$2; until curl -sf http://127.0.0.1:9090/readyz >/dev/null; do sleep 0.2; done"
}
await_players() {
  for _ in $(seq 300); do
    if grep -q entered "$folder/play.log"; then return; fi
    sleep 0.2
  done
  cat "$folder/play.log"
  fail "players cannot enter"
}
play 12 60 >"$folder/play.log" 2>&1 &
players=$!
await_players
step "an upgrade under 12 players"
for name in game2:dragon game3:phoenix login:login; do
  quietly on "${name%:*}" "$(block Upgrade 1 | sed 's/ *# and deno cache.*//')"
  restart "${name%:*}" "${name#*:}"
done
wait "$players" || { cat "$folder/play.log"; fail "players lost something in an upgrade"; }

step "a copy of the database, and back"
export PGPASSWORD=$password
quietly on db "$(block Backup 1)"
for name in game2:dragon game3:phoenix login:login; do on "${name%:*}" "systemctl stop drawbridge@${name#*:}"; done
quietly on db "$(block Backup 2)"
for name in game2:dragon game3:phoenix login:login; do restart "${name%:*}" "${name#*:}"; done
play 4 3 >"$folder/play.log" 2>&1 || { cat "$folder/play.log"; fail "players cannot play on the copy"; }

step "a server that is killed is started again"
on game2 "kill -KILL \$(systemctl show --property MainPID --value drawbridge@dragon); sleep 1
  for i in \$(seq 300); do if curl -sf http://127.0.0.1:9090/readyz >/dev/null; then exit; fi; sleep 0.2; done; exit 1" ||
  fail "it is not ready again"
step "everything held"

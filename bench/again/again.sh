#!/bin/bash
# again.sh BINARY FILES [BYTES [RECEIVERS [TIMES]]]: a server and its receivers on loopback, to which a tree of so many
# files is sent, and then the very same TIMES times. Prints the time to the verified end, and of each process the most
# memory it had meanwhile and its processor time so far. To compare two builds run it with each in turn.
set -e
bin=$(realpath "$1") files=$2 bytes=${3:-1000} receivers=${4:-2} times=${5:-1}
dir=$(mktemp -d "${TMPDIR:-/tmp}/again.XXXXXX") port=$((20000 + RANDOM % 5000))
gc() { "$bin" --home "$dir/server" "$@"; }
"$bin" --home "$dir/server" serve --listen 127.0.0.1:$port --interface lo --gather 200ms >"$dir/server.log" 2>&1 &
server=$! agents=""
trap 'kill $server $agents 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
for _ in $(seq 50); do grep -qs '[0-9a-f]\{64\}' "$dir/server.log" && break; sleep 0.2; done
print=$(grep -o '[0-9a-f]\{64\}' "$dir/server.log" | head -1)
gc group create lab >/dev/null
for i in $(seq "$receivers"); do
  echo "a good password" | gc user add "user$i" --password-stdin >/dev/null
  gc member add lab "user$i" >/dev/null
  echo "a good password" | "$bin" --home "$dir/user$i" login "https://127.0.0.1:$port" --user "user$i" --trust "$print" \
    --password-stdin >/dev/null
  "$bin" --home "$dir/user$i" receive --reserve 1MB --dir "$dir/files$i" >"$dir/user$i.log" 2>&1 &
  agents="$agents $!"
done
python3 - "$dir/tree" "$files" "$bytes" <<'P'
import os, sys
top, files, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
noise = os.urandom(1 << 20)
for i in range(files):
    if i % 1000 == 0:
        os.makedirs(f"{top}/{i // 1000:04d}")
    with open(f"{top}/{i // 1000:04d}/{i % 1000:03d}", "wb") as f:
        f.write((f"{i}\n".encode() + noise[i % 1000 * 500:])[:size])
P
sleep 2
use() {
  for p in $server $agents; do
    awk -v who=$([ "$p" = "$server" ] && echo server || echo receiver) \
      '/VmHWM/ { m = $2 / 1000 } END { printf "  %s at most %.0f MB", who, m }' "/proc/$p/status"
    awk '{ printf ", %.1f s of processor\n", ($14 + $15) / 100 }' "/proc/$p/stat"
  done
}
for n in $(seq 0 "$times"); do
  for p in $server $agents; do echo 5 >"/proc/$p/clear_refs"; done # the most memory counts anew
  begun=$(date +%s.%N)
  gc send lab "$dir/tree" >"$dir/out" 2>&1 || true
  echo "$([ "$n" = 0 ] && echo first || echo again): $(echo "$(date +%s.%N) - $begun" | bc) s; $(tail -1 "$dir/out")"
  sleep 5 # the server writes down what the transfer held
  use
done
for i in $(seq "$receivers"); do diff -rq "$dir/tree" "$dir/files$i/lab/tree"; done

#!/usr/bin/env bash
# Prints the numbers of docs/benchmarks.md on this machine. It judges nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
daemon=
cleanup() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  rm -rf "$tmp"
}
trap cleanup EXIT

echo "== packages"
go test -run '^$' -bench . -benchmem ./protocol/... ./daemon/... ./client/... ./wallet/... ./cmd/joinmarketd 2>&1 | grep -E '^(pkg|Benchmark)' | tee "$tmp/packages"
grep -q '^BenchmarkBitcoind/' "$tmp/packages" || echo 'BenchmarkBitcoind: skipped, there is no bitcoind; run scripts/install-test-deps.sh'
if [ -r /proc/loadavg ]; then echo "load: $(cat /proc/loadavg)"; fi

echo "== start-up, mean of 20 runs"
for program in jm joinmarketd; do
  start=$(date +%s%N)
  for _ in $(seq 20); do ./bin/$program --help >/dev/null; done
  echo "$program --help: $((($(date +%s%N) - start) / 20000)) us"
done

echo "== joinmarketd, idle"
mkdir "$tmp/daemon"
./bin/joinmarketd --datadir "$tmp/daemon" >"$tmp/out" 2>/dev/null &
daemon=$!
until grep -q '^listening' "$tmp/out"; do kill -0 "$daemon"; done
if [ -r "/proc/$daemon/status" ]; then
  grep VmRSS "/proc/$daemon/status"
else
  ps -o rss= -p "$daemon"
fi

echo "== a CoinJoin, from the first !fill to the broadcast"
[ -x bin/btcd ] || go build -o bin/ github.com/btcsuite/btcd
for makers in 4 10; do
  for at in '' --onion; do
    echo "$makers makers ${at:-over IRC}$(./bin/jm playground --once --makers "$makers" $at 2>/dev/null | sed -n 's/.*from the first !fill to the broadcast//p')"
  done
done

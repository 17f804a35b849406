#!/usr/bin/env bash
# The one command that decides whether a change may land. In CI (CI=true) no
# test may be skipped: a missing server is a failure, not an excuse.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() { printf '\n== %s\n' "$*"; }

step lint
make --no-print-directory lint

step govulncheck
if go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... >"$log" 2>&1; then
  tail -n 1 "$log"
elif grep -q '^Vulnerability #' "$log"; then
  cat "$log"
  exit 1
else
  echo "no answer from the vulnerability database: $(grep -m 1 . "$log")"
fi

# tests runs the tests of a target of make, with -v to see what was skipped. The
# log is shown only where something failed.
tests() {
  if ! make --no-print-directory "$1" TESTFLAGS='-v -timeout 20m' >"$log" 2>&1; then
    grep -vE '^ *(=== |--- PASS|PASS$)' "$log" || true
    exit 1
  fi
  grep -E '^(ok|\?)' "$log"
  if grep -E '^ *--- SKIP' "$log" && [ "${CI:-}" = true ]; then
    echo 'tests were skipped in CI'
    exit 1
  fi
}

step 'race tests'
tests race

step 'simulated markets'
go test ./daemon/daemontest/market -run '^TestSeeds$' -seeds 1..2000

step 'three thousand transactions beside those of the reference'
go test ./client/taker ./wallet/spend -run '^TestP1.*LikeTheReference$' -compared 500

step "README's commands"
tests test
make --no-print-directory demo

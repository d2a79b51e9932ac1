#!/usr/bin/env bash
# Runs every check of this folder on the tree as it stands; exit 1 when one complains.
cd "$(dirname "$0")/../.." || exit 2
status=0
for check in tests/lint/check_*.sh; do
  "$check" || status=1
done
exit $status

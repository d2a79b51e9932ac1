#!/usr/bin/env bash
# Sources are ASCII, hold no TODO without an issue number, and no folder or file is a junk drawer.
cd "$(dirname "$0")/../.." || exit 2
status=0
sources=$(git ls-files '*.cc' '*.h')
if grep -nP '[^\x00-\x7F]' $sources; then
  echo "sources must be ASCII"
  status=1
fi
if grep -nE '\b(TODO|FIXME|XXX)\b' $sources | grep -vE '#[0-9]+'; then
  echo "a TODO needs an issue number"
  status=1
fi
if git ls-files | grep -E '(^|/)(utils?|helpers?|misc|common)(\.|/)'; then
  echo "no utils, helper, misc or common"
  status=1
fi
exit $status

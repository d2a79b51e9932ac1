#!/usr/bin/env bash
# Every path that a document names in backquotes or links must exist.
cd "$(dirname "$0")/../.." || exit 2
status=0
for doc in README.md docs/*.md docs/*/*.md */README.md */*/README.md; do
  [ -f "$doc" ] || continue
  dir=$(dirname "$doc")
  paths=$( { grep -oE '`(base|model|storage|promql|tsdb|scrape|rules|server|tests|configs|docs|cmake|\.ci)/[A-Za-z0-9_./-]*`' "$doc" | tr -d '`'
             grep -oE '\]\([^)#:]+\)' "$doc" | sed -E 's/^\]\((.*)\)$/\1/'; } | sort -u)
  for path in $paths; do
    if [ ! -e "$path" ] && [ ! -e "$dir/$path" ]; then
      echo "$doc: names $path, which is not there"
      status=1
    fi
  done
done
exit $status

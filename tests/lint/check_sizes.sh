#!/usr/bin/env bash
# A .cc past 800 lines fails, one past 400 is named; a header fails past 400, is named past 200.
cd "$(dirname "$0")/../.." || exit 2
status=0
while read -r lines file; do
  case "$file" in
    *.cc) named=400 hard=800 ;;
    *.h) named=200 hard=400 ;;
    *) continue ;;
  esac
  if [ "$lines" -gt $hard ]; then
    echo "$file: $lines lines, at most $hard"
    status=1
  elif [ "$lines" -gt $named ]; then
    echo "note: $file has $lines lines"
  fi
done < <(git ls-files 'base/*' 'model/*' 'storage/*' 'promql/*' 'tsdb/*' 'scrape/*' 'rules/*' 'server/*' | grep -E '\.(cc|h)$' | xargs -r wc -l)
exit $status

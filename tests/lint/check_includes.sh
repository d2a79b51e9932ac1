#!/usr/bin/env bash
# Who may include whom (docs/ARCHITECTURE.md). Every `#include "folder/..."` is held against this table,
# and the heavy headers against the few files that may see them.
cd "$(dirname "$0")/../.." || exit 2
declare -A allowed=(
  [base]="base"
  [model]="base model"
  [storage]="base model storage"
  [promql]="base model storage promql"
  [tsdb]="base model storage tsdb"
  [scrape]="base model storage scrape"
  [rules]="base model storage promql rules"
  [server]="base model storage promql tsdb scrape rules server"
)
status=0
for folder in "${!allowed[@]}"; do
  while IFS=: read -r file line text; do
    target=$(sed -E 's/.*"([^/"]+)\/.*/\1/' <<<"$text")
    if [[ " ${allowed[$folder]} " != *" $target "* ]]; then
      echo "$file:$line: $folder must not include $target"
      status=1
    fi
  done < <(grep -rnE '^#include "[a-z]+/' --include='*.cc' --include='*.h' "$folder")
done
# pattern -> files that may include it
heavy() {
  local pattern=$1 permitted=$2
  while IFS= read -r file; do
    if ! grep -qE "^($permitted)$" <<<"$file"; then
      echo "$file: must not include <$pattern>; only: $permitted"
      status=1
    fi
  done < <(grep -rlE "^#include <$pattern" --include='*.cc' --include='*.h' base model storage promql tsdb scrape rules server)
}
heavy 'boost/beast' 'base/http_client\.cc|server/http_(request_parser|stream)\.cc'
heavy 'rocksdb/' 'storage/[a-z_]+\.cc'
heavy 'yaml-cpp/' 'base/yaml\.cc'
heavy 're2/' 'model/regex(_search)?\.cc'
exit $status

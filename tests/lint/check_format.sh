#!/usr/bin/env bash
# Sources are as .clang-format (version 14) writes them: ./dev format.
cd "$(dirname "$0")/../.." || exit 2
git ls-files '*.cc' '*.h' | xargs -r clang-format-14 --dry-run -Werror 2>&1 | grep -E 'error:' | cut -d: -f1 | sort | uniq -c
exit "${PIPESTATUS[1]}"

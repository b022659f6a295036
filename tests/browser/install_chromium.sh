#!/bin/sh
# Installs Debian's Chromium where that is possible and needed. Where it is not, the tests that need
# a browser say so, and fail if CI or TEXTSEG_REQUIRE_BROWSER is set.
set -eu

[ -z "${TEXTSEG_CHROMIUM:-}" ] || exit 0
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    if apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core; then
        exit 0
    fi
fi
echo "No Chromium: what needs a browser will not be tested. apt-get install chromium" >&2

#!/bin/sh
# preview.sh TEMPLATE.html PICTURE.png: how a mail's template looks, with a patient and a clinic made up here. Needs
# Chromium (Debian: chromium). The pictures in the READMEs of the examples were made so.
set -eu
bin=${BIN:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/data.json" <<'DATA'
{"patient": {"first_name": "Ana"}, "message": {"unsubscribe_url": "https://camp.riverside.example/u/token"},
 "clinic": {"name": "Riverside Family Practice", "address": "12 Mill Lane, Albany NY 12207",
            "booking_url": "https://riverside.example/book"}}
DATA
"$bin/camp" render "$1" --data "$work/data.json" --html >"$work/mail.html"
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --disable-quic --user-data-dir="$work/profile" --hide-scrollbars --window-size=640,560 \
    --screenshot="$2" "file://$work/mail.html" 2>/dev/null

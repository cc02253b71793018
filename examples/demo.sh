#!/bin/sh
# demo.sh: what Camp does, on the examples: checks, tests, compiles and simulates them on a year of a clinic's traffic,
# then sends that traffic through the service. Everything it writes lies under build/demo; nothing stays running.
# CLINIC=FILE.ndjson takes other traffic.
set -eu
cd "$(dirname "$0")/.."
bin=${BIN:-build}
out=${BUILD:-build}/demo
rm -rf "$out"
mkdir -p "$out"
for name in welcome survey; do
    echo "== $name"
    "$bin/camp" check "examples/$name"
    "$bin/camp" test "examples/$name"
    "$bin/camp" build "examples/$name" -o "$out/$name.campi"
done
echo "== a year of a small made-up clinic, simulated: the last messages and the counts"
traffic=${CLINIC:-$out/traffic.ndjson}
[ -n "${CLINIC:-}" ] || "$bin/traffic" > "$traffic"
for name in welcome survey; do
    "$bin/camp" simulate "examples/$name" --events "$traffic" 2> "$out/$name.refused" | tail -15
    lines=$(wc -l < "$out/$name.refused")
    [ "$lines" = 0 ] || echo "($lines lines refused; the reasons are in $out/$name.refused)"
done
echo "== the same text gives the same bytes"
"$bin/camp" build examples/welcome -o "$out/again.campi"
cmp "$out/welcome.campi" "$out/again.campi" && echo "equal"
echo "== what is in an image (its first lines)"
"$bin/camp" disasm "$out/welcome.campi" | head -12
echo "== one mistake, one error"
sed 's/if patient.phone is known/if patient.fone is known/' examples/welcome/welcome.camp > "$out/mistake.camp"
cp -r examples/welcome/mail "$out/"
"$bin/camp" check "$out/mistake.camp" || true
for name in welcome survey; do
    echo "== the same year through campd: $name"
    python3 examples/serve.py "$out/$name" "$traffic" "$out/$name.campi"
done

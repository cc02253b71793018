#!/bin/sh
# demo.sh: what Camp does today, on the examples: checks, tests, compiles and lists an image. Everything it writes
# lies under build/demo; nothing stays running.
set -eu
cd "$(dirname "$0")/.."
out=build/demo
rm -rf "$out"
mkdir -p "$out"
for name in welcome survey; do
    echo "== $name"
    build/camp check "examples/$name"
    build/camp test "examples/$name"
    build/camp build "examples/$name" -o "$out/$name.campi"
done
echo "== a year of a small made-up clinic, simulated: the last messages and the counts"
build/traffic > "$out/traffic.ndjson"
for name in welcome survey; do
    build/camp simulate "examples/$name" --events "${CLINIC:-$out/traffic.ndjson}" 2> "$out/$name.refused" | tail -15
    lines=$(wc -l < "$out/$name.refused")
    [ "$lines" = 0 ] || echo "($lines lines refused; the reasons are in $out/$name.refused)"
done
echo "== the same text gives the same bytes"
build/camp build examples/welcome -o "$out/again.campi"
cmp "$out/welcome.campi" "$out/again.campi" && echo "equal"
echo "== what is in an image (its first lines)"
build/camp disasm "$out/welcome.campi" | head -12
echo "== one mistake, one error"
sed 's/patient.phone is known/patient.fone is known/' examples/welcome/welcome.camp > "$out/mistake.camp"
cp examples/welcome/welcome.html "$out/"
build/camp check "$out/mistake.camp" || true

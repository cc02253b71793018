#!/bin/sh
# camp-ci.sh PROJECT…: layout, findings and tests of each project. Exit 1: something was found; 2: it could not be looked at.
#
#   CAMP          the command (default: camp)
#   CAMP_STRICT   not empty and not false: warnings are errors
#   CAMP_JUNIT    a folder for results in JUnit's form, one PROJECT.xml each
# Within GitHub's workflows findings are written as its commands, so that they stand beside the lines.
set -u
camp=${CAMP:-camp}
[ $# -gt 0 ] || { echo "usage: camp-ci.sh PROJECT…" >&2; exit 2; }
strict=
case ${CAMP_STRICT:-} in '' | false | 0) ;; *) strict=--strict ;; esac
format=text
[ "${GITHUB_ACTIONS:-}" != true ] || format=github
worst=0
step() { # what is said, then what is run; the worst code of all is kept
    echo "== $1"
    shift
    "$@"
    code=$?
    [ "$code" -le "$worst" ] || worst=$code
}
for project in "$@"; do
    step "$project: layout" "$camp" fmt --check "$project"
    step "$project: findings" "$camp" check "$project" $strict --format "$format"
    if [ -n "${CAMP_JUNIT:-}" ]; then
        mkdir -p "$CAMP_JUNIT"
        echo "== $project: tests"
        "$camp" test "$project" --format junit >"$CAMP_JUNIT/$(echo "$project" | tr / _).xml"
        code=$?
        [ "$code" -le "$worst" ] || worst=$code
    fi
    step "$project: tests" "$camp" test "$project" --coverage
done
exit "$worst"

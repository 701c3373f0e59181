#!/usr/bin/env bash
# evaluation.sh BUILD: the bench judges a good simulated hub and one bad for each requirement; the good one
# passes all, each bad one fails its own requirement and no other; reports are signed, and a changed byte is
# found. Called by tests/run evaluation.
set -uo pipefail
build=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
catalogue=$root/config/requirements/core.csv
plan=$root/tests/fixtures/evaluation/quick.plan

say() { # say STATUS SENTENCE
    if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi
}

# evaluate NAME BASE_PORT STUB-ARGUMENTS...: one run on its own ports
evaluate() {
    local name=$1 base=$2 config=$work/$1-config
    shift 2
    cp -r "$root/config/evaluations/municipality" "$config"
    sed -i "s/127.0.0.1:8180/127.0.0.1:$((base + 80))/;s/127.0.0.1:5160/127.0.0.1:$base/;s/127.0.0.1:5170/127.0.0.1:$((base + 9))/" "$config/samlarm.yaml"
    "$build/samlarm" evaluate run --plan "$plan" --catalogue "$catalogue" --config "$config" --device provdon \
        --listen "127.0.0.1:$((base + 1))" --out "$work/$name" --state "$work/keys-$name" --vendor "$name" \
        --stimulus "exec $build/stub-scaip_hub --to '127.0.0.1:$((base + 1));udp' --cid 4699001 --heartbeat-s 4 --retry-s 2 $*" \
        >"$work/$name.out" 2>&1
    echo $? >"$work/$name.status"
}

evaluate good 15260 &
evaluate slow 15360 --fault slow --slow-s 12 &
evaluate renaming 15460 --fault new_ref_on_retry &
evaluate cloudy 15560 --fault cloud_heartbeat --cloud "'127.0.0.1:15560;udp'" &
wait

# rulings NAME: "LARM-01 PASS ..." in one line
rulings() { sed -nE 's/^((LARM|OVV)-[0-9]+)  ([A-Z]+).*/\1 \3/p' "$work/$1.out" | tr '\n' ' '; }
check() { # check NAME EXPECTED SENTENCE
    local got
    got=$(rulings "$1")
    if [ "$got" = "$2 " ]; then say 0 "$3"; else
        say 1 "$3"
        echo "    wanted: $2"
        echo "    got:    $got"
        sed 's/^/    /' "$work/$1.out"
    fi
}
check good "LARM-01 PASS LARM-05 PASS OVV-01 PASS" "a good hub passes all three requirements"
check slow "LARM-01 FAIL LARM-05 PASS OVV-01 PASS" "a slow hub fails the transfer time and nothing else"
check renaming "LARM-01 PASS LARM-05 FAIL OVV-01 PASS" "a hub that renames its repetitions fails LARM-05 and nothing else"
check cloudy "LARM-01 PASS LARM-05 PASS OVV-01 FAIL" "a hub whose cloud hides the broken link fails the supervision and nothing else"
say "$(cat "$work/good.status")" "exit status 0 when every requirement is met"
[ "$(cat "$work/slow.status")" = 1 ]
say $? "exit status 1 when one is not"

key=$("$build/samlarm" key show --state "$work/keys-good")
"$build/samlarm" evaluate verify --out "$work/good" --key "$key" >/dev/null
say $? "the signature holds with the bench's key"
"$build/samlarm" evaluate verify --out "$work/good" --key "$("$build/samlarm" key show --state "$work/keys-slow")" 2>/dev/null
[ $? = 1 ]
say $? "and not with another key"
cp -r "$work/good" "$work/changed"
sed -i 's/"wall_ms":\([0-9]*\)0/"wall_ms":\11/;s/PASS/FAIL/' "$work/changed/report.json"
"$build/samlarm" evaluate verify --out "$work/changed" --key "$key" 2>"$work/changed.err"
[ $? = 1 ] && grep -q 'changed after it was signed' "$work/changed.err"
say $? "a changed report is found out"

# Judged again from what lies there, the verdicts are the same; without the run's end they are not PASS.
"$build/samlarm" evaluate report --plan "$plan" --catalogue "$catalogue" --out "$work/slow" --state "$work/keys-slow" >"$work/slow.out" 2>&1
check slow "LARM-01 FAIL LARM-05 PASS OVV-01 PASS" "judged once more, the same evidence gives the same verdicts"
grep -v run_end "$work/good/stimuli.jsonl" >"$work/cut" && mv "$work/cut" "$work/good/stimuli.jsonl"
"$build/samlarm" evaluate report --plan "$plan" --catalogue "$catalogue" --out "$work/good" --state "$work/keys-good" >"$work/good.out" 2>&1
[ $? = 1 ] && ! grep -qE '^(LARM|OVV)-[0-9]+  PASS' "$work/good.out"
say $? "a run whose end is missing passes nothing"
grep -q 'journal_seq\|seq' "$work/good/evidence.jsonl" && grep -q '<html' "$work/good/report.sv.html"
say $? "evidence and pages lie beside the report"

#!/usr/bin/env bash
# test_stubs.sh - the simulated devices play recorded conversations, and press their buttons, against a
# running gateway on ports of its own; what they were told is compared with the journal.
#
#   test_stubs.sh BUILD_RELEASE BUILD_SANITIZE
# shellcheck disable=SC2317
set -uo pipefail
bin=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cases=$root/tests/fixtures
work=$(mktemp -d "${TMPDIR:-/tmp}/samlarm-stubs-XXXXXX")
pids=()
bad=0

# shellcheck disable=SC2317
finish() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# holds SENTENCE COMMAND...: a line of the result; on failure, what the command said
holds() {
    local sentence=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        echo "ok - $sentence"
    else
        echo "not ok - $sentence"
        sed 's/^/    /' "$work/said" | tail -n 20
        bad=1
    fi
}

# says FILE PATTERN: a line of FILE matches, within 8 s; else the file is shown
says() {
    for _ in $(seq 1 80); do
        grep -Eq -- "$2" "$1" 2>/dev/null && return 0
        sleep 0.1
    done
    echo "no line like: $2"
    tail -n 15 "$1"
    return 1
}

says_not() { ! grep -E -- "$2" "$1"; }

# Five free ports, next to one another. The gateway has its own, so that a running demo is no trouble.
base=
for _ in $(seq 1 50); do
    base=$((20000 + RANDOM % 12000))
    taken=no
    for i in 0 1 2 3 4; do
        (exec 3<>"/dev/tcp/127.0.0.1/$((base + i))") 2>/dev/null && taken=yes
    done
    [ $taken = no ] && break
done
sip=127.0.0.1:$base espa=127.0.0.1:$((base + 1)) web=127.0.0.1:$((base + 2))
centre=127.0.0.1:$((base + 3)) second=127.0.0.1:$((base + 4))

cp -r "$root/config/demo" "$work/config"
sed -i -e "s/127.0.0.1:5060/$sip/" -e "s/127.0.0.1:4001/$espa/" -e "s/127.0.0.1:8080/$web/" \
    -e "s/127.0.0.1:5070/$centre/" -e "s/127.0.0.1:5071/$second/" "$work/config/samlarm.yaml"
# No broker here: a port that nobody listens on, and alarms that get through all the same.
sed -i -e '/^bus:/,/^$/s/port: 1883/port: 9/' "$work/config/samlarm.yaml"
umask 077
mkdir "$work/state" && echo none >"$work/state/bus-password"

"$bin/stub-centre" --listen "$centre" --answer message >"$work/centre" 2>&1 </dev/null &
pids+=($!)
"$bin/samlarmd" --config "$work/config" --state "$work/state" --pages "$root/gateway/web" \
    2>"$work/log" </dev/null &
gateway=$!
pids+=("$gateway")
for _ in $(seq 1 100); do
    (exec 3<>"/dev/tcp/${web%:*}/${web##*:}") 2>/dev/null && break
    kill -0 "$gateway" 2>/dev/null || { echo "not ok - the gateway starts"; cat "$work/log"; exit 1; }
    sleep 0.1
done

# ---- recorded conversations ----
hub() { timeout 20 "$bin/stub-scaip_hub" --to "$sip;$1" "${@:2}" </dev/null; }
panel() { timeout 25 "$bin/stub-espa_panel" --to "$espa" "$@" </dev/null; }
holds "an alarm of a vendor is answered as recorded, over UDP" \
    hub udp --case "$cases/scaip/04-essence-alarm-gsm-number.case"
holds "an alarm is answered as recorded, over TCP" \
    hub tcp --case "$cases/scaip/r14-mrq-in-message-tcp.case"
holds "a repeated message gets the same answer" \
    hub udp --case "$cases/scaip/repeat-gets-the-same-answer.case"
holds "the specification's first call is acknowledged byte for byte" \
    panel --case "$cases/espa444/spec-example1-call.case"
holds "a damaged block is refused and taken the second time" \
    panel --case "$cases/espa444/session-retry.case"
holds "an alarm without a device type is answered as recorded" \
    hub udp --case "$cases/scaip/r11-invalid-missing-dty.case"
status=0
hub udp --case "$cases/scaip/not-stored.case" >/dev/null 2>&1 || status=$?
holds "a case that no device can play is refused with status 2" test "$status" = 2
status=0
hub udp --case "$cases/scaip/reply-in-body.case" >/dev/null 2>&1 || status=$?
holds "a case that the gateway answers otherwise ends with status 1" test "$status" = 1

# ---- living devices ----
press() { printf '%b' "$1" | timeout 15 "$bin/stub-scaip_hub" --to "$sip;$2" --cid 4690102 \
    --quit-at-eof "${@:3}"; }
press 'press\nfall\n' udp >"$work/hub" 2>&1
holds "a press is answered yes" says "$work/hub" '^answered ref=[0-9A-Z]+ snu=0 after_ms=[0-9]+ by=message'
pressed=$(sed -n 's/^pressed ref=\([0-9A-Z]*\) .*/\1/p' "$work/hub")
answered() { local ref; for ref in $pressed; do says "$work/hub" "^answered ref=$ref snu=0" || return 1; done; }
holds "every press and the fall were answered" answered

mkfifo "$work/wrong"
"$bin/stub-scaip_hub" --to "$sip;udp" --cid 4690103 --fault bad_xml <"$work/wrong" >"$work/broken" 2>&1 &
pids+=($!)
broken=$!
exec 4>"$work/wrong"
echo press >&4
holds "broken XML is not taken for an alarm" says "$work/broken" '^(answered ref=.* snu=[1-9]|refused ref=.* status=4)'
holds "and never answered yes" says_not "$work/broken" 'snu=0'
echo quit >&4
exec 4>&-
wait "$broken"
holds "the hub ends cleanly when told so" test $? = 0

mkfifo "$work/commands"
"$bin/stub-espa_panel" --to "$espa" --poll-ms 200 --fault bad_bcc <"$work/commands" >"$work/panel" 2>&1 &
pids+=($!)
exec 3>"$work/commands"
echo 'call 201 "RUM 12 LARM" 1 3 - 2' >&3
holds "the nurse-call panel's second attempt is acknowledged" says "$work/panel" '^ack address=201 text="RUM 12 LARM"'
holds "its first, damaged one was refused" says "$work/panel" '^nak digit=1 address=201'
holds "the panel is told what became of its call" says "$work/panel" \
    '^status address=201 text="RUM 12 LARM" call_status=[236]'
echo quit >&3
exec 3>&-

# Nobody is on duty, so the alarm goes on to the centre.
holds "the alarm reaches the stand-in centre with its place" says "$work/centre" '^case .*place="Rum 12"'

# ---- what the journal has ----
kill "$gateway"
wait "$gateway"
holds "the gateway ends cleanly" test $? = 0
"$bin/samlarm" journal show --state "$work/state" >"$work/journal" 2>&1
recorded() { local ref; for ref in $pressed; do says "$work/journal" " ref $ref( |\$)" || return 1; done; }
once() { [ "$(grep -cE " event .* ref $1( |\$)" "$work/journal")" = 1 ]; }
holds "every reference that was answered yes is in the journal" recorded
holds "the alarm over UDP is in the journal once" once 00001883
holds "the repeated message is in the journal once" once 9
holds "the nurse-call alarm is in the journal with its device" says "$work/journal" 'device anrop-201-12 '
holds "the chain of the journal is whole" "$bin/samlarm" journal verify --state "$work/state"
exit $bad

# shellcheck shell=bash
# demo.sh - the simulated homes of the demo: sourced by gateway/run, which owns the array `pids` and ends
# what is in it. Starts stub-homes, the nurse-call panel and the stand-in alarm centre; waits for nothing.

# devices_of DIALECT CONFIG: the keys of its devices. The first row names the columns; `,` or `;`.
devices_of() {
    awk -v dialect="$1" '
        NR == 1 {
            sub(/^\xef\xbb\xbf/, "")
            FS = index($0, ";") ? ";" : ","
            $0 = $0
            for (i = 1; i <= NF; i++) { gsub(/[" \r]/, "", $i); column[$i] = i }
            next
        }
        { gsub(/["\r]/, "") }
        $(column["dialect"]) == dialect { print $(column["key"]) }
    ' "$2/devices.csv"
}

# start_simulated_homes BIN CONFIG STATE
start_simulated_homes() {
    local bin=$1 config=$2 state=$3
    devices_of scaip "$config" | awk '{ print $1, "0003" }' >"$state/homes.list"
    devices_of espa444 "$config" >"$state/rooms.list"
    "$bin/stub-centre" --listen 127.0.0.1:5070 --answer message </dev/null >"$state/centre.log" 2>&1 &
    pids+=($!)
    "$bin/stub-homes" --to "127.0.0.1:5060;udp" --list "$state/homes.list" --heartbeat-s 240 --every-s 45 \
        </dev/null >"$state/homes.log" 2>&1 &
    pids+=($!)
    "$bin/stub-espa_panel" --to 127.0.0.1:4001 --random-every-s 60 --rooms "$state/rooms.list" \
        </dev/null >"$state/panel.log" 2>&1 &
    pids+=($!)
}

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

# start_device NAME PROGRAM [ARGUMENT]...: its lines go to STATE/NAME.log
start_device() {
    local log=$state/$1.log
    shift
    "$@" </dev/null >"$log" 2>&1 &
    pids+=($!)
}

# Equipment of the other dialects, one or two of each, that raise something every few minutes.
start_simulated_devices() {
    local bin=$1 web=$2 broker=127.0.0.1:$3 state=$4
    start_device solglantan "$bin/stub-espax_system" --to 127.0.0.1:2023 --user kallelse --password hemligt1 \
        --chance 'call gullvivan 4 "RUM 4 LARM"|call blasippan 7 "RUM 7 WC" Low' --chance-every-s 240
    start_device soder-21 "$bin/stub-dc09_panel" --to 127.0.0.1:12300 --account 5021 \
        --key 3a1f6b8c9d4e7f20123456789abcdef0 --chance 'threat|battery|test' --chance-every-s 420
    start_device soder-22 "$bin/stub-dc09_panel" --to "127.0.0.1:12300;udp" --account 5022 \
        --chance 'help|inactive' --chance-every-s 480
    start_device hamnen "$bin/stub-dc09_panel" --to 127.0.0.1:12300 --account 7001 --token SIA-DCS --chance threat \
        --chance-every-s 900 --key 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
    start_device radar "$bin/stub-lora_network" --broker "$broker" --user network-server --model milesight-vs373 \
        --password "$(cat "$state/broker/network-server.password")" --eui 24E124535B000003 --chance fall \
        --chance-every-s 600
    start_device gps "$bin/stub-gps" --to 127.0.0.1:7700 --chance 'sos|fence|battery' --chance-every-s 540
    start_device tallen-4 "$bin/stub-native_pendant" --broker "$broker" --device knapp-tallen-4 --user knapp-tallen-4 \
        --password "$(cat "$state/broker/knapp-tallen-4.password")" --store "$state/knapp-tallen-4" \
        --seed 2b4117b2dad07da33f379d46f5e540d2c1a11f6d508de7f5c5a6906818a4b61f --chance 'press|test' \
        --chance-every-s 600
    start_device kontakter "$bin/stub-modbus_inputs" --listen 127.0.0.1:5020
}

# start_simulated_homes BIN CONFIG STATE WEB BROKER_PORT
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
    start_simulated_devices "$bin" "$4" "$5" "$state"
}

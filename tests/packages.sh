# packages.sh - what a bare Debian 12 needs, and how it gets it. Sourced by gateway/run and tests/run.
# shellcheck shell=bash disable=SC2034
build_packages=(gcc cmake ninja-build pkg-config libc6-dev protobuf-compiler protobuf-c-compiler
    libprotobuf-c-dev libmosquitto-dev libwebsockets-dev libev-dev libsodium-dev libsqlite3-dev
    libosip2-dev libmodbus-dev libexpat1-dev libjansson-dev libcyaml-dev libyaml-dev libcsv-dev libssl-dev)
run_packages=(mosquitto libwebsockets-evlib-ev)
test_packages=(libcmocka-dev mosquitto-clients sip-tester socat clang libclang-rt-14-dev clang-format openssl
    python3 python3-protobuf python3-websockets python3-paho-mqtt binutils curl)
browser_packages=(chromium)

install_missing() {
    local missing=() package sudo=""
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "installing: ${missing[*]}"
    $sudo apt-get update -qq
    # Packages with a service would start it (a broker on our port): policy-rc.d says no for the while.
    local policy=/usr/sbin/policy-rc.d is_ours=no
    if [ ! -e $policy ]; then
        is_ours=yes
        printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
        $sudo chmod 755 $policy
    fi
    local status=0
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null || status=$?
    [ $is_ours = yes ] && $sudo rm -f $policy
    return $status
}

# build_samlarm ROOT BUILD TYPE [cmake arguments]; quiet unless something is wrong
build_samlarm() {
    local root=$1 build=$2 type=$3
    shift 3
    if [ ! -f "$build/build.ninja" ]; then
        mkdir -p "$build"
        cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE="$type" "$@" >"$build/configure.log" 2>&1 ||
            { cat "$build/configure.log" >&2; return 1; }
        echo "building ($type) ..."
    fi
    ninja -C "$build" >"$build/build.log" 2>&1 || { tail -n 40 "$build/build.log" >&2; return 1; }
}

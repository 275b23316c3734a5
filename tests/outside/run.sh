#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2046,SC2086  # flags are words, and so are the names of the files made here
# run.sh SOURCE BUILD - installs into a temporary folder and builds plugins there as a stranger would:
# with the installed headers and nothing else of this tree.
set -eu
here=$(realpath "$1")/tests/outside build=$(realpath "$2")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
umask 022

say() { echo "== $*"; }
fail() { echo "run.sh: $*" >&2; exit 1; }
# has FILE TEXT: is it a line of the file?
has() { grep -qxF -- "$2" "$1" || { cat "$1" >&2; fail "this line is missing: $2"; }; }

say "install"
meson install -C "$build" --no-rebuild --quiet --destdir "$root/inst"
pc=$(find "$root/inst" -name tenon-plugin.pc)
[ -n "$pc" ] || fail "tenon-plugin.pc is not installed"
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$root/inst"
prefix=$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=prefix tenon-plugin)
plugins=$root/inst$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=plugindir tenon-plugin)
PATH=$root/inst$prefix/bin:$PATH
export PATH
[ -z "$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs tenon-plugin)" ] || fail "a plugin links nothing of ours"

say "every name of every plugin has its file"
if [ -d "$plugins" ]; then
    tenon-plugin-check --names "$plugins"/*.so | while read -r link file; do
        [ -e "$plugins/$link" ] || fail "$link is missing for $file"
    done
fi

say "one command each"
mkdir "$root/own"
cd "$root/own"
cp "$here/edu.c" "$here/stamp.c" "$here/dice.cc" "$here/virtio-echo.c" .
cc -shared -fPIC -fvisibility=hidden $(pkg-config --cflags tenon-plugin) -o device-edu.so edu.c
cc -shared -fPIC -fvisibility=hidden $(pkg-config --cflags tenon-plugin) -o chardev-stamp.so stamp.c
cc -shared -fPIC -fvisibility=hidden $(pkg-config --cflags tenon-plugin) -o device-virtio-echo-pci.so virtio-echo.c
made="device-edu.so chardev-stamp.so device-virtio-echo-pci.so"
ln -s device-virtio-echo-pci.so device-echo-tap.so # the file's other type
if command -v c++ >/dev/null; then
    c++ -std=c++20 -shared -fPIC -fvisibility=hidden -Wl,--as-needed \
        $(pkg-config --cflags tenon-plugin) -o device-dice.so dice.cc
    made="$made device-dice.so"
else
    say "no C++ compiler: the C++ plugin is left out"
fi
tenon-plugin-check --verbose $made

say "without probes"
cc -shared -fPIC -fvisibility=hidden -DTENON_NO_SDT $(pkg-config --cflags tenon-plugin) -o quiet.so edu.c
tenon-plugin-check quiet.so
readelf -n quiet.so | grep -q stapsdt && fail "TENON_NO_SDT leaves probes"

say "events that are in no table"
sed '/\.events = /d' edu.c >forgot.c
cc -shared -fPIC -fvisibility=hidden $(pkg-config --cflags tenon-plugin) -o forgot.so forgot.c
tenon-plugin-check forgot.so >said && fail "nobody minds events without a table"
has said "forgot.so: event 'edu_idle' is in a note and in no table: is .events missing?"

say "strip leaves the cards"
strip -s -o stripped.so device-edu.so
tenon-plugin-check stripped.so

say "the template"
cp -r "$root/inst$prefix/share/tenon/plugin-template" template
meson setup --fatal-meson-warnings template template/build >log || { cat log >&2; fail "meson setup"; }
meson test -C template/build >log || { cat log >&2; fail "the template's test"; }
cp template/build/device-hello.so .

say "what the checker is for"
# refused SENTENCE SOURCE [FLAG...]: a plugin with that fault is found out.
refused() {
    sentence=$1 source=$2
    shift 2
    printf '%s\n' "$source" >bad.c
    cc -shared -fPIC -fvisibility=hidden $(pkg-config --cflags tenon-plugin) "$@" -o bad.so bad.c
    ! tenon-plugin-check bad.so >log || fail "not found: $sentence"
    grep -q -- "$sentence" log || { cat log >&2; fail "this is not said: $sentence"; }
}
edu='#include "edu.c"'
refused 'exports helper: compile it with' "$edu
int helper(void); __attribute__((visibility(\"default\"))) int helper(void) { return 1; }"
refused 'runs 1 constructors when it is loaded' "$edu
__attribute__((constructor)) static void early(void) { tenon_type_edu.create(0); }"
refused 'thread-local data of the static kind' "$edu
__thread int count; int use(void); int use(void) { return count++; }" -ftls-model=initial-exec
refused 'uses not_there, which is in none of the libraries' "$edu
int not_there(void); int use(void); int use(void) { return not_there(); }"
refused 'uses deflate, which is in none of the libraries' "$edu
int deflate(void); int use(void); int use(void) { return deflate(); }"
refused 'has a card and is not in the table' "$edu
struct other { struct tenon_dev *dev; };
TENON_PCI_DEVICE(other, \"other\", \"misc\", \"Forgotten\", .ops = &edu_pci);"
refused "'e/du' cannot be a name" "$(sed 's/"edu"/"e\/du"/' edu.c)"
refused "property 'delay' has an impossible range" \
    "$(sed 's/.initial = 1000,/.min = 1000, .max = 10,/' edu.c)"
refused 'is no plugin: it has no card' 'int nothing;'

if command -v tenon | grep -q "^$root"; then
    say "the program lists them"
    export TENON_PLUGIN_PATH="$root/own"
    tenon -device help >log
    has log 'PCI devices:'
    has log 'name "edu", bus PCI, desc "Educational device"'
    has log 'name "hello", bus ISA, desc "Says a word"'
    has log 'name "virtio-echo-pci", bus PCI, alias "virtio-echo", desc "Gives back what it is sent"'
    has log 'name "echo-tap", bus echo-bus, desc "Counts for an echo"'
    tenon -device edu,help >log
    has log 'edu options:'
    has log '  delay=<uint64>         - nanoseconds a factorial takes (default: 1000)'
    has log '  addr=<str>             - slot and function, in hexadecimal: 6 or 6.1'
    tenon -device ./device-hello.so,help >log
    TENON_PLUGIN_PATH=$plugins tenon -machine help >log.machine
    has log.machine 'pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)'
    tenon -chardev help >log.chardev
    has log.chardev '  stamp'
    ! tenon -device eduu,help 2>log.missing || fail "eduu is there"
    has log.missing "tenon: -device eduu: no such device (did you mean 'edu'?)"
    has log '  word=<str>             - what to say (default: "Hello")'

    if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
        say "a guest uses them"
        status=0
        TENON_PLUGIN_PATH=$root/own:$plugins timeout 60 tenon -enable-kvm -nodefaults -display none -no-reboot -kernel "$build/tests/guest/edu" \
            -chardev stamp,id=far,path=stamped -serial chardev:far -device ./device-edu.so,delay=2000 \
            -device isa-debug-exit,iobase=0xf4,iosize=4 2>log || status=$?
        [ "$status" = 33 ] || { cat log stamped >&2; fail "the guest ended with status $status, not 33"; }
        sed 's/^\[ *[0-9]*\.[0-9]*\] //' stamped >said
        for line in 'id 10000ed' 'factorial 375f00' 'interrupt ok' 'acknowledged ok' 'copied ok'; do
            has said "$line"
        done
        grep -q '^\[ *[0-9]*\.[0-9]*\] found ok' stamped || fail "stamp did not stamp"
    else
        say "no access to /dev/kvm: no guest uses them"
    fi
fi

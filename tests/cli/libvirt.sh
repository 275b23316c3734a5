#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirt.sh BUILD - libvirt, as Debian has it, probes the program and leads domains through their life.
#
# As root the daemon runs in a mount namespace of its own, with empty folders in place of the host's; as any
# other user it is a session's, in folders of the test's.
. "$(dirname "$0")/lib.sh"

for need in libvirtd virsh; do
    type "$need" >/dev/null 2>&1 || { echo "1..0 # SKIP $need is not installed"; exit 0; }
done
# The leader of a session that opens a guest's terminal would have it for its own, and be hung up with it.
if [ "${NOT_LEADER-}" != 1 ]; then
    cd "$OLDPWD" && rm -rf "$work"
    NOT_LEADER=1 "$BASH" "$0" "$@"
    exit
fi
if [ "$(id -u)" = 0 ] && [ "${OWN_NAMESPACE-}" != 1 ]; then
    cd "$OLDPWD" && rm -rf "$work"
    OWN_NAMESPACE=1 unshare --mount --propagation private true 2>/dev/null ||
        { echo "1..0 # SKIP no mount namespace can be had"; exit 0; }
    OWN_NAMESPACE=1 exec unshare --mount --propagation private "$BASH" "$0" "$@"
fi

# ---- the daemon -----------------------------------------------------------------------------------------

export LC_ALL=C HOME="$work/home" XDG_RUNTIME_DIR="$work/run"
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME DBUS_SESSION_BUS_ADDRESS
mkdir -p "$HOME/.config/libvirt"
mkdir -m 700 "$XDG_RUNTIME_DIR"
uri=qemu:///session
settings="$HOME/.config/libvirt"
domains="$XDG_RUNTIME_DIR/libvirt/qemu/run"
if [ "$(id -u)" = 0 ]; then
    uri=qemu:///system
    settings=/etc/libvirt
    domains=/run/libvirt/qemu
    for folder in /etc/libvirt /run /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
        mkdir -p "$folder"
        mount -t tmpfs -o mode=755 tmpfs "$folder"
    done
    # It asks for this user even though it is told to use another.
    for list in passwd group; do
        { cat "/etc/$list"; echo "libvirt-qemu:x:64055:64055::/:/bin/false"; } >"$work/$list"
        mount --bind "$work/$list" "/etc/$list"
    done
fi
# A domain would outlive the daemon.
end_all() {
    for file in "$domains"/*.pid; do
        [ "${file##*/}" = driver.pid ] || [ ! -e "$file" ] || kill -KILL "$(cat "$file")"
    done 2>/dev/null
    tidy
}
trap end_all EXIT
echo 'stdio_handler = "file"' >"$settings/qemu.conf"
[ "$uri" = qemu:///session ] || cat >>"$settings/qemu.conf" <<END
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
user = "root"
group = "root"
remember_owner = 0
END
printf 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n' >"$settings/libvirtd.conf"
run_daemon() {
    libvirtd --config "$settings/libvirtd.conf" >daemon 2>&1 &
    daemon=$!
    pids+=("$daemon")
}
run_daemon
virsh() { timeout --kill-after=5 60 virsh --quiet --connect "$uri" "$@"; }
answers() { virsh version >/dev/null 2>&1; }
if ! until_true answers; then
    skip "libvirtd" "it does not run here: $(tail -n 1 daemon)"
    plan
    exit 0
fi

# ---- what is done with it -------------------------------------------------------------------------------

# does NAME COMMAND...: virsh does it; what it says is in ./out.
does() {
    local name=$1

    shift
    if virsh "$@" >out 2>err; then ok "$name"; else not_ok "$name" err out; return 1; fi
}
# says NAME PATTERN COMMAND...: and says that.
says() {
    local name=$1 pattern=$2

    shift 2
    if virsh "$@" >out 2>err && grep -Eq -- "$pattern" out; then ok "$name"; else not_ok "$name" err out; fi
}
state_is() { [ "$(virsh domstate --reason "$1" 2>/dev/null)" = "$2" ]; }
comes_to() {
    if until_true state_is "$2" "$3"; then ok "$1"; else
        virsh domstate --reason "$2" >out 2>err
        not_ok "$1" out err
    fi
}

# domain TYPE NAME: a machine of what there is so far.
domain() {
    cat <<END
<domain type='$1'>
  <name>$2</name>
  <memory unit='MiB'>64</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$build/tests/guest/line</kernel>
    <initrd>$work/module</initrd>
    <cmdline>of libvirt</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <devices>
    <emulator>$build/tenon</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='pty'><target type='isa-serial' port='0'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
  </devices>
</domain>
END
}
echo module >module

# The guest says "ready", and what byte it got; nothing, while it is paused.
hears() {
    local line

    while read -r -t 1 -u "$tty" line; do [[ $line = $1* ]] && return; done
    return 1
}
answers_byte() { printf x >&"$tty" && hears "got 78"; }
quiet() { ! hears ""; }
opens_console() {
    local path

    path=$(virsh ttyconsole "$1") && exec {tty}<>"$path" && stty raw -echo <&"$tty"
}
heard() { if until_true "${@:2}"; then ok "$1"; else not_ok "$1"; fi; }

# life TYPE: all of a domain's.
life() {
    domain "$1" "$1" >domain.xml
    does "$1: define" define domain.xml || return
    does "$1: start" start "$1" || return
    comes_to "$1: it runs" "$1" "running (booted)"
    says "$1: dominfo" '^CPU\(s\): +2$' dominfo "$1"
    says "$1: vcpuinfo knows a thread for each processor" '^CPU time: ' vcpuinfo "$1"
    says "$1: ttyconsole" '^/dev/pts/[0-9]+$' ttyconsole "$1"
    says "$1: a QMP command" '"enabled":'"$2" qemu-monitor-command "$1" '{"execute": "query-kvm"}'
    says "$1: an HMP command" '^VM status: running' qemu-monitor-command "$1" --hmp info status
    says "$1: its devices have paths" 'child<isa-serial>' qemu-monitor-command "$1" \
        '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}'
    says "$1: domstats" '^  vcpu.current=2$' domstats "$1"
    opens_console "$1"
    heard "$1: the guest answers on its console" answers_byte
    does "$1: suspend" suspend "$1"
    comes_to "$1: it is paused" "$1" "paused (user)"
    until_true quiet
    if answers_byte; then not_ok "$1: a paused guest says nothing"; else ok "$1: a paused guest says nothing"; fi
    does "$1: resume" resume "$1"
    comes_to "$1: it goes on" "$1" "running (unpaused)"
    heard "$1: the guest answers again" answers_byte
    until_true quiet
    kill -KILL "$daemon"
    wait "$daemon" 2>/dev/null
    run_daemon
    comes_to "$1: a new daemon finds it again" "$1" "running (unpaused)"
    does "$1: reset" reset "$1"
    heard "$1: it starts anew" hears ready
    does "$1: shutdown presses the button" shutdown "$1"
    printf P >&"$tty"
    comes_to "$1: the guest switches itself off" "$1" "shut off (shutdown)"
    exec {tty}<&-
    does "$1: start again" start "$1"
    does "$1: destroy" destroy "$1"
    comes_to "$1: it is gone" "$1" "shut off (destroyed)"
    does "$1: undefine" undefine "$1"
}

says "domcapabilities" "<machine>pc-i440fx-7.2</machine>" \
    domcapabilities --emulatorbin "$build/tenon" --virttype qemu --machine pc
says "its processors are known" "<mode name='maximum' supported='yes'>" \
    domcapabilities --emulatorbin "$build/tenon" --virttype qemu --machine pc
life qemu false
if ! { : <>/dev/kvm; } 2>/dev/null; then
    skip "kvm" "/dev/kvm cannot be opened"
elif [[ $("$build/tests/tools/kvm-probe") = none* ]]; then
    skip "kvm" "$("$build/tests/tools/kvm-probe")"
else
    life kvm true
fi
kill "$daemon"
wait "$daemon"
plan

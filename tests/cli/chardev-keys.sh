#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# chardev-keys.sh BUILD - every key that QEMU 7.2's manual has for every back end: it does something, or is
# refused by one line. A row is a back end with its key, and what is said of it: nothing if it works. An option
# that is wrong stands behind it, so that no machine starts.
. "$(dirname "$0")/lib.sh"

made='-mon no: there is no chardev called '\''no'\'''

# row WORDS [SENTENCE]: what is not there at all is seen before anything else.
row() {
    local words=$1,id=c

    run tenon -machine none "${more[@]}" -chardev "$words" -mon no
    case $#:${2-} in
    1:*) expect "$1" 1 "$made" ;;
    *:"not in this build yet" | *:"no such"*) expect "$1: refused" 1 "-chardev $words: $2" ;;
    *) expect "$1: refused" 1 "-chardev $words: $2" "$made" ;;
    esac
}

# Lines of "BACKEND,KEY=VALUE" or "BACKEND,KEY=VALUE -> SENTENCE".
rows() {
    local line

    while IFS= read -r line; do
        case $line in
        *' -> '*) row "${line%% -> *}" "${line#* -> }" ;;
        *) row "$line" ;;
        esac
    done
}

mkfifo both p.in p.out
mkdir folder
socat pty,link=tty,rawer pty,link=far,rawer &
pids+=($!)
until_true test -e tty
more=()
rows <<'EOF'
null
msmouse
testdev
stdio,signal=on
stdio,signal=off
console
vc,width=800,height=600
vc,cols=80,rows=25
ringbuf,size=4096
ringbuf,size=4095 -> size must be a power of two
memory,size=64k
file,path=log
file,path=log,append=on
file,path=log,input-path=/dev/null
file,path=folder -> path=folder: Is a directory
pipe,path=p
pipe,path=both
pty
pty,path=link
serial,path=tty
serial,path=/dev/null
serial,path=/dev/stdout
tty,path=nowhere -> path=nowhere: No such file or directory
parallel,path=nowhere -> path=nowhere: No such file or directory
parport,path=nowhere -> path=nowhere: No such file or directory
udp,port=1
udp,host=127.0.0.1,port=1,localaddr=127.0.0.1,localport=0,ipv4=on,ipv6=off
socket,host=127.0.0.1,port=0,server=on,wait=off,ipv4=on,ipv6=off,nodelay=on
socket,host=127.0.0.1,port=0,server=on,wait=off,delay=off
socket,host=127.0.0.1,port=65000,to=65100,server=on,wait=off
socket,host=127.0.0.1,port=1,reconnect=1
socket,host=127.0.0.1,port=0,server=on,wait=off,telnet=on
socket,host=127.0.0.1,port=0,server=on,wait=off,websocket=on
socket,host=127.0.0.1,port=1,websocket=on -> websocket is for server=on
socket,host=127.0.0.1,port=0,server=on,wait=off,tn3270=on -> tn3270=on: there is no device here that speaks 3270
socket,host=127.0.0.1,port=0,server=on,wait=off,tls-authz=a -> tls-authz needs tls-creds
socket,path=s,server=on,wait=off
socket,path=s,server=on,wait=off,telnet=on
socket,path=s,server=on,wait=off,websocket=on
socket,path=s,server=on,wait=off,abstract=on,tight=off
socket,path=s,reconnect=1 -> info: cannot connect, and goes on trying: No such file or directory
socket,path=s,server=on,wait=off,tls-creds=t -> tls-creds is for TCP, not for path
dbus,name=org.tenon -> not in this build yet
qemu-vdagent,mouse=on,clipboard=on -> not in this build yet
wctablet -> not in this build yet
hub -> not in this build yet
mux,chardev=d -> not in this build yet
braile -> no such chardev (did you mean 'braille'?)
EOF

more=(-object tls-creds-anon,id=t,endpoint=server -object authz-simple,id=a,identity=me)
row socket,host=127.0.0.1,port=0,server=on,wait=off,tls-creds=t,tls-authz=a
if [ -e "$build/plugins-all/spice-server.so" ]; then
    more=(-spice unix=on,addr=spice.sock,disable-ticketing=on)
    rows <<'EOF'
spicevmc,name=vdagent
spicevmc,name=smartcard
spicevmc,name=usbredir,debug=0
spicevmc,name=usbredir,debug=1 -> debug takes 0: -trace spice_channel tells of channels
spicevmc,name=port -> name takes one of vdagent, smartcard, usbredir
spicevmc -> name is missing
spiceport,name=org.spice-space.webdav.0
spiceport,name=org.spice-space.webdav.0,debug=0
spiceport -> name is missing
EOF
    more=()
    row spicevmc,name=vdagent "there is no SPICE server: -spice makes one"
fi

# Of all: mux, and a copy of what is sent, in which a monitor's greeting stands.
more=(-spice unix=on,addr=spice.sock,disable-ticketing=on)
[ -e "$build/plugins-all/spice-server.so" ] || more=()
for backend in null msmouse testdev stdio console vc ringbuf memory file,path=out1 pipe,path=both pty \
    serial,path=tty udp,port=1 socket,path=s,server=on,wait=off ${more:+spiceport,name=p spicevmc,name=usbredir}; do
    row "$backend,mux=on"
    row "$backend,logfile=log,logappend=on"
    row "$backend,logfile=folder" "logfile=folder: Is a directory"
done
for backend in null stdio console vc ringbuf memory file,path=out1 pipe,path=both udp,port=1; do
    echo before >log
    tries -machine none -chardev "$backend,id=c,logfile=log,logappend=on" -mon chardev=c,mode=control
    if [ "$(head -c 13 log | tr '\n' ' ')" = 'before {"QMP"' ] && [ "$status" = 0 ]; then
        ok "$backend: what is sent is in logfile= as well"
    else
        not_ok "$backend: what is sent is in logfile= as well ($status)" log err
    fi
done
kill "${pids[0]}"
wait "${pids[0]}"
plan

# SPDX-License-Identifier: LGPL-2.1-or-later
"""seeds-gdb.py SOURCE-ROOT FOLDER - sessions of a debugger."""

import os
import sys

SESSIONS = [
    "qSupported:multiprocess+;swbreak+;hwbreak+ vMustReplyEmpty QStartNoAckMode Hgp0.0 qXfer:features:read:target.xml:0,ffb"
    " qTStatus ? qfThreadInfo qsThreadInfo qAttached:1 Hc-1 qC g p10 P10=1000000000000000 qThreadExtraInfo,p1.2",
    "m1000,40 M1000,4:01020304 X1000,4:abcd x1000,4 Z0,1000,1 m0ff0,20 M1000,1:90 z0,1000,1 Z1,2000,1 Z2,3000,4 Z3,3000,4"
    " Z4,3000,8 z2,3000,4 vCont;s:p1.1;c vCont;c:p1.-1 s c1000 C05 S05;1000 D",
    "qqemu.sstepbits qqemu.sstep Qqemu.sstep=0x5 qqemu.PhyMemMode Qqemu.PhyMemMode:1 m0,10 R00 k vKill;1"
    " vAttach;1 ! T1 Tp1.2 H g Hcp1.2 s",
]

for number, session in enumerate(SESSIONS):
    stream = b""
    for packet in session.split():
        stream += b"$%s#%02x" % (packet.encode(), sum(packet.encode()) & 0xFF)
    with open(os.path.join(sys.argv[2], f"session-{number}"), "wb") as f:
        f.write(stream)

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# boot-linux-soft.sh - Debian's cloud kernel boots to a shell on the software CPU.
SYSTEM_ACCEL=tcg exec bash "$(dirname "$0")/boot-linux.sh"

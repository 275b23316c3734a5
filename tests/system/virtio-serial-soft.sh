#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virtio-serial-soft.sh - Debian's kernel drives virtio-serial on the software CPU.
SYSTEM_ACCEL=tcg exec bash "$(dirname "$0")/virtio-serial.sh"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# chips-soft.sh - Debian's cloud kernel uses the board's own chips on the software CPU.
SYSTEM_ACCEL=tcg exec bash "$(dirname "$0")/chips.sh"

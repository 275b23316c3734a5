/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* both - edu with cards of a later interface around its own, as a file for two interfaces has. */

#include <tenon/plugin.h>

#define LATER "need=0\tkind=device\tname=edu\tbus=PCI\ttags=misc\thelp=Later"

#undef TENON_ABI_MAJOR
#define TENON_ABI_MAJOR 1
TENON_NOTE_(before, LATER);
#undef TENON_ABI_MAJOR
#define TENON_ABI_MAJOR 0

#include "../outside/edu.c"

#undef TENON_ABI_MAJOR
#define TENON_ABI_MAJOR 1
TENON_NOTE_(last, LATER);

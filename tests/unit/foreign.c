/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foreign - a shared object that is no plugin, and must never be run: it would end the test. */

#include <stdlib.h>

__attribute__((constructor)) static void run(void)
{
    abort();
}

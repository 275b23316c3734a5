/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* optionrom - what the option ROM does once it has the BIOS's memory map. */
#include "program.h"

void boot_main(uint32_t map_bytes)
{
    while (!do_plan(memory(ROOM(ROOM_MAP)), map_bytes / sizeof(struct e820)))
        __asm__ volatile("hlt");
}

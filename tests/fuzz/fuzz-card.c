/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-card - any bytes in a plugin's place: their cards and events can be read, or it is said why
 * not. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every text ends where it should: a sanitizer watches strlen(). */
static void see(void *arg, const struct card *card)
{
    unsigned *cards = arg;
    size_t kind = strlen(card->kind), names = strlen(card->names);

    if (strlen(card->bus) + strlen(card->tags) + strlen(card->help) + kind + names > 4096)
        abort();
    if (card->major == TENON_ABI_MAJOR && (!kind || !names))
        abort();
    ++*cards;
}

/* Names of events end where they should, too. */
static void see_events(void *arg, const char *names)
{
    if (strlen(names) > 65536)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span file = { (const char *)data, size };
    unsigned cards = 0;

    /* Without a reason there must have been a card. */
    if (!cards_read(file, see, &cards, NULL) && !cards)
        abort();
    events_read(file, see_events, NULL);
    return 0;
}

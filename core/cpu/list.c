/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list - what -cpu help prints. */

#include "cpu/list.h"

#include <glib.h>

#include "cpu/spec.h"
#include "plugin/plugin.h"

static void add_card(void *arg, const struct card *card)
{
    struct cpu_card entry = { .names = g_strdup(card->names), .help = g_strdup(card->help) };

    g_array_append_val((GArray *)arg, entry);
}

void cpu_print_list(struct plugins *plugins, FILE *to)
{
    GArray *cards = g_array_new(FALSE, FALSE, sizeof(struct cpu_card));

    plugins_each(plugins, "cpu", add_card, cards);
    cpu_help(to, (struct cpu_card *)cards->data, cards->len);
    for (unsigned i = 0; i < cards->len; i++) {
        struct cpu_card *card = &g_array_index(cards, struct cpu_card, i);

        g_free((char *)card->names);
        g_free((char *)card->help);
    }
    g_array_free(cards, TRUE);
}

/* SPDX-License-Identifier: MIT-0 */
/*
 * hello - an ISA device to start from: a port that gives the letters of a word, one by one.
 *
 *     meson setup build && ninja -C build
 *     tenon -device ./build/device-hello.so,word=Hi
 */

#include <tenon/isa.h>

/* Ports, from 0x2f0 on. */
enum {
    REG_LETTER = 0,  /* RO  the next letter; 0 after the last */
    REG_RESTART = 1, /* WO  any value: starts again */
};

struct hello {
    struct tenon_dev *dev;
    const char *word;
    uint32_t at;
};

static uint64_t hello_read(void *self, uint64_t reg, unsigned size)
{
    struct hello *hello = self;

    if (reg != REG_LETTER || !hello->word[hello->at])
        return 0;
    return (uint8_t)hello->word[hello->at++];
}

static void hello_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct hello *hello = self;

    if (reg == REG_RESTART)
        hello->at = 0;
}

/* A snapshot may have been made with a longer word. */
static void hello_loaded(void *self)
{
    struct hello *hello = self;
    uint32_t at = 0;

    while (at < hello->at && hello->word[at])
        at++;
    hello->at = at;
}

// clang-format off
static const struct tenon_prop hello_props[] = {
    TENON_PROP(struct hello, "word", TENON_STR, word, .initial_str = "Hello", .help = "what to say"),
};

static const struct tenon_reg hello_regs[] = {
    TENON_REG(struct hello, at),
};

static const struct tenon_window hello_windows[] = {
    { .name = "ports", .space = TENON_IO, .width_max = 1, .base = 0x2f0, .bytes = 2,
      .read = hello_read, .write = hello_write },
};

TENON_ISA_DEVICE(hello, "hello", "misc", "Says a word",
    .props = TENON_ARRAY(hello_props),
    .regs = TENON_ARRAY(hello_regs),
    .windows = TENON_ARRAY(hello_windows),
    .loaded = hello_loaded);
// clang-format on

TENON_PLUGIN(&tenon_type_hello);

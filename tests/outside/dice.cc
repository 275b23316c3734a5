/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dice - a plugin in C++20: a port that rolls, from 1 to sides; a reset starts it over. */

#include <tenon/isa.h>

struct dice {
    tenon_dev *dev;
    uint32_t sides, seed;
};

namespace
{

/* Numerical Recipes' generator: the high bits are the good ones. */
uint64_t roll(void *self, uint64_t, unsigned)
{
    auto &dice = *static_cast<struct dice *>(self);

    dice.seed = dice.seed * 1664525u + 1013904223u;
    return 1 + (uint64_t{ dice.seed } * dice.sides >> 32);
}

void load(void *self, uint64_t, uint64_t value, unsigned)
{
    static_cast<struct dice *>(self)->seed = static_cast<uint32_t>(value);
}

// clang-format off
constexpr tenon_prop props[] = {
    TENON_PROP(dice, "sides", TENON_U32, sides, .initial = 6, .min = 2, .max = 255,
               .help = "how many numbers there are"),
};

constexpr tenon_reg regs[] = {
    TENON_REG(dice, seed, .reset = 1),
};

constexpr tenon_window windows[] = {
    { .name = "port", .space = TENON_IO, .width_max = 1, .base = 0x2f4, .bytes = 1,
      .read = roll, .write = load },
};

/* C++ wants the members in the order of the struct. */
TENON_ISA_DEVICE(dice, "dice", "misc", "Dice for games of chance",
    .props = TENON_ARRAY(props),
    .regs = TENON_ARRAY(regs),
    .windows = TENON_ARRAY(windows));
// clang-format on

} // namespace

TENON_PLUGIN(&tenon_type_dice);

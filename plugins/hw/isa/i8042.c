/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * i8042 - the keyboard controller of a PC/AT and PS/2, with a keyboard and a mouse (IBM PS/2
 * Hardware Interface Technical Reference).
 */
#include <tenon/isa.h>
#include <tenon/machine.h>
#include <tenon/system.h>
#include <tenon/trace.h>

#include "ps2.h"

// clang-format off
enum {
    /* Port 60h: RO the output buffer, WO data for what port 64h commanded, or for the keyboard.
     * Port 64h: RO status, WO commands. */
    STATUS_OBF = 0x01,          /* the output buffer is full */
    STATUS_SYSTEM = 0x04,       /* the self test has passed; the command byte's bit */
    STATUS_COMMAND = 0x08,      /* port 64h was written last */
    STATUS_UNLOCKED = 0x10,
    STATUS_AUX = 0x20,          /* the output buffer is the mouse's */

    RAM_READ = 0x20,            /* 20h-3Fh: a byte of the controller's memory; 0 is the command byte */
    RAM_WRITE = 0x60,           /* 60h-7Fh */
    AUX_DISABLE = 0xa7,
    AUX_ENABLE = 0xa8,
    AUX_TEST = 0xa9,            /* answers 0: the lines are good */
    SELF_TEST = 0xaa,           /* answers 55h */
    KBD_TEST = 0xab,            /* answers 0 */
    KBD_DISABLE = 0xad,
    KBD_ENABLE = 0xae,
    INPUT_READ = 0xc0,
    OUTPUT_READ = 0xd0,
    OUTPUT_WRITE = 0xd1,        /* +: the output port */
    KBD_LOOP = 0xd2,            /* +: shown as if the keyboard had sent it */
    AUX_LOOP = 0xd3,            /* +: shown as if the mouse had */
    AUX_WRITE = 0xd4,           /* +: for the mouse */
    A20_OFF = 0xdd,
    A20_ON = 0xdf,
    TEST_READ = 0xe0,           /* answers the state of the clock lines */
    PULSE = 0xf0,               /* F0h-FFh: pulls the output port's bits that are 0 */

    CMD_KBD_IRQ = 0x01, CMD_AUX_IRQ = 0x02, CMD_SYSTEM = 0x04, CMD_KBD_OFF = 0x10,
    CMD_AUX_OFF = 0x20, CMD_TRANSLATE = 0x40,

    INPUT_UNLOCKED = 0x80,
    OUTPUT_NO_RESET = 0x01, OUTPUT_A20 = 0x02, OUTPUT_KBD = 0x10, OUTPUT_AUX = 0x20,
    OUTPUT_OTHER = 0xcc,
};

enum { LINE_KBD, LINE_AUX };
enum { FROM_NOBODY, FROM_KBD, FROM_AUX };
// clang-format on

struct i8042 {
    struct tenon_dev *dev;
    const struct tenon_x86 *x86;
    const struct tenon_power *power;
    uint8_t ram[32];
    uint8_t command;           /* STATUS_COMMAND or 0 */
    uint8_t expects;           /* the command whose data is to come, or 0: data is the keyboard's */
    uint8_t output, from;      /* the output buffer, and who filled it */
    uint8_t reply, reply_from; /* the controller's own, for when the buffer is free */
    uint8_t a20;
    struct ps2_keyboard kbd;
    struct ps2_mouse mouse;
};

// clang-format off
#define I8042_EVENTS(E) \
    E(pckbd_kbd_read_data,     "0x%02x") \
    E(pckbd_kbd_read_status,   "0x%02x") \
    E(pckbd_kbd_write_command, "0x%02x") \
    E(pckbd_kbd_write_data,    "0x%02x") \
    E(pckbd_outport_write,     "0x%02x") \
    E(ps2_write_keyboard,      "0x%02x") \
    E(ps2_write_mouse,         "0x%02x")
TENON_EVENTS(i8042, I8042_EVENTS);
// clang-format on

/* Scan set 2 as set 1, of what a keyboard without keys says: its identity and its scan set. */
static uint8_t i8042_translate(const struct i8042 *k, uint8_t byte)
{
    if (!(k->ram[0] & CMD_TRANSLATE))
        return byte;
    switch (byte) {
    case 0x01: return 0x43;
    case 0x02: return 0x41;
    case 0x03: return 0x3f;
    case 0x83: return 0x41;
    default: return byte;
    }
}

static void i8042_update(struct i8042 *k)
{
    tenon_irq(k->dev, LINE_KBD, k->from == FROM_KBD && k->ram[0] & CMD_KBD_IRQ);
    tenon_irq(k->dev, LINE_AUX, k->from == FROM_AUX && k->ram[0] & CMD_AUX_IRQ);
}

/* Fills the output buffer, if it is free, with the next who has something. */
static void i8042_load(struct i8042 *k)
{
    if (k->from == FROM_NOBODY) {
        if (k->reply_from != FROM_NOBODY) {
            k->output = k->reply;
            k->from = k->reply_from;
            k->reply_from = FROM_NOBODY;
        } else if (!(k->ram[0] & CMD_KBD_OFF) && ps2_take(&k->kbd.out, &k->output)) {
            k->output = i8042_translate(k, k->output);
            k->from = FROM_KBD;
        } else if (!(k->ram[0] & CMD_AUX_OFF) && ps2_take(&k->mouse.out, &k->output)) {
            k->from = FROM_AUX;
        }
    }
    i8042_update(k);
}

static void i8042_reply(struct i8042 *k, uint8_t byte, uint8_t from)
{
    k->reply = byte;
    k->reply_from = from;
}

static void i8042_a20(struct i8042 *k, bool on)
{
    k->a20 = on;
    if (k->x86)
        k->x86->a20(k->dev, on);
}

/* The output port's bit 0 is the processor's reset, active low. */
static void i8042_output_port(struct i8042 *k, uint8_t value)
{
    tenon_trace(k->dev, pckbd_outport_write, value);
    if (!(value & OUTPUT_NO_RESET) && k->power)
        k->power->request(k->dev, TENON_POWER_RESET, 0);
}

static uint8_t i8042_output_state(const struct i8042 *k)
{
    return OUTPUT_OTHER | OUTPUT_NO_RESET | (k->a20 ? OUTPUT_A20 : 0) |
           (k->from == FROM_KBD ? OUTPUT_KBD : 0) | (k->from == FROM_AUX ? OUTPUT_AUX : 0);
}

static void i8042_command(struct i8042 *k, uint8_t command)
{
    k->expects = 0;
    switch (command) {
    case RAM_READ ... RAM_READ + 31: i8042_reply(k, k->ram[command & 31], FROM_KBD); break;
    case AUX_DISABLE: k->ram[0] |= CMD_AUX_OFF; break;
    case AUX_ENABLE: k->ram[0] &= ~CMD_AUX_OFF; break;
    case AUX_TEST:
    case KBD_TEST:
    case TEST_READ: i8042_reply(k, 0, FROM_KBD); break;
    case SELF_TEST:
        k->ram[0] |= CMD_SYSTEM;
        i8042_reply(k, 0x55, FROM_KBD);
        break;
    case KBD_DISABLE: k->ram[0] |= CMD_KBD_OFF; break;
    case KBD_ENABLE: k->ram[0] &= ~CMD_KBD_OFF; break;
    case INPUT_READ: i8042_reply(k, INPUT_UNLOCKED, FROM_KBD); break;
    case OUTPUT_READ: i8042_reply(k, i8042_output_state(k), FROM_KBD); break;
    case RAM_WRITE ... RAM_WRITE + 31:
    case OUTPUT_WRITE:
    case KBD_LOOP:
    case AUX_LOOP:
    case AUX_WRITE: k->expects = command; break;
    case A20_OFF:
    case A20_ON: i8042_a20(k, command == A20_ON); break;
    case PULSE ... 0xff: i8042_output_port(k, command); break;
    default: tenon_log(k->dev, TENON_LOG_GUEST_ERROR, "unknown command 0x%02x", command); break;
    }
}

/* Data for a device also starts its clock. */
static void i8042_data(struct i8042 *k, uint8_t byte)
{
    uint8_t command = k->expects;

    k->expects = 0;
    switch (command) {
    case RAM_WRITE ... RAM_WRITE + 31: k->ram[command & 31] = byte; break;
    case OUTPUT_WRITE:
        i8042_a20(k, byte & OUTPUT_A20);
        i8042_output_port(k, byte);
        break;
    case KBD_LOOP: i8042_reply(k, byte, FROM_KBD); break;
    case AUX_LOOP: i8042_reply(k, byte, FROM_AUX); break;
    case AUX_WRITE:
        k->ram[0] &= ~CMD_AUX_OFF;
        tenon_trace(k->dev, ps2_write_mouse, byte);
        ps2_mouse_write(&k->mouse, byte);
        break;
    default:
        k->ram[0] &= ~CMD_KBD_OFF;
        tenon_trace(k->dev, ps2_write_keyboard, byte);
        ps2_keyboard_write(&k->kbd, byte);
        break;
    }
}

static uint64_t i8042_read_data(void *self, uint64_t reg, unsigned size)
{
    struct i8042 *k = self;
    uint8_t byte = k->output;

    tenon_trace(k->dev, pckbd_kbd_read_data, byte);
    k->from = FROM_NOBODY;
    i8042_update(k); /* falls before the next byte raises it */
    i8042_load(k);
    return byte;
}

static void i8042_write_data(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct i8042 *k = self;

    tenon_trace(k->dev, pckbd_kbd_write_data, (unsigned)value);
    k->command = 0;
    i8042_data(k, value);
    i8042_load(k);
}

static uint64_t i8042_read_status(void *self, uint64_t reg, unsigned size)
{
    struct i8042 *k = self;
    uint8_t status = STATUS_UNLOCKED | k->command | (k->ram[0] & CMD_SYSTEM ? STATUS_SYSTEM : 0) |
                     (k->from != FROM_NOBODY ? STATUS_OBF : 0) |
                     (k->from == FROM_AUX ? STATUS_AUX : 0);

    tenon_trace(k->dev, pckbd_kbd_read_status, status);
    return status;
}

static void i8042_write_command(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct i8042 *k = self;

    tenon_trace(k->dev, pckbd_kbd_write_command, (unsigned)value);
    k->command = STATUS_COMMAND;
    i8042_command(k, value);
    i8042_load(k);
}

static int i8042_create(void *self)
{
    struct i8042 *k = self;
    int err = tenon_isa_connect(k->dev, LINE_KBD, 1);

    k->x86 = tenon_query(k->dev, "tenon.x86/1");
    k->power = tenon_query(k->dev, "tenon.power/1");
    return err ? err : tenon_isa_connect(k->dev, LINE_AUX, 12);
}

static void i8042_reset(void *self)
{
    struct i8042 *k = self;

    ps2_keyboard_init(&k->kbd);
    ps2_mouse_init(&k->mouse);
    i8042_update(k);
}

static void i8042_loaded(void *self)
{
    struct i8042 *k = self;

    ps2_check(&k->kbd.out);
    ps2_check(&k->mouse.out);
    i8042_update(k);
}

// clang-format off
static const struct tenon_reg i8042_regs[] = {
    TENON_REGS(struct i8042, ram), TENON_REG(struct i8042, command, .reset = STATUS_COMMAND),
    TENON_REG(struct i8042, expects), TENON_REG(struct i8042, output),
    TENON_REG(struct i8042, from), TENON_REG(struct i8042, reply),
    TENON_REG(struct i8042, reply_from), TENON_REG(struct i8042, a20, .reset = true),
    TENON_REGS(struct i8042, kbd.out.data), TENON_REG(struct i8042, kbd.out.first),
    TENON_REG(struct i8042, kbd.out.count), TENON_REG(struct i8042, kbd.out.last),
    TENON_REG(struct i8042, kbd.command), TENON_REG(struct i8042, kbd.scan_set),
    TENON_REGS(struct i8042, mouse.out.data), TENON_REG(struct i8042, mouse.out.first),
    TENON_REG(struct i8042, mouse.out.count), TENON_REG(struct i8042, mouse.out.last),
    TENON_REG(struct i8042, mouse.command), TENON_REG(struct i8042, mouse.resolution),
    TENON_REG(struct i8042, mouse.rate), TENON_REG(struct i8042, mouse.scaling),
    TENON_REG(struct i8042, mouse.streaming), TENON_REG(struct i8042, mouse.remote),
    TENON_REG(struct i8042, mouse.wrap),
};

static const struct tenon_window i8042_windows[] = {
    { .name = "data", .space = TENON_IO, .width_max = 1, .base = 0x60, .bytes = 1,
      .read = i8042_read_data, .write = i8042_write_data },
    { .name = "command", .space = TENON_IO, .width_max = 1, .base = 0x64, .bytes = 1,
      .read = i8042_read_status, .write = i8042_write_command },
};

TENON_ISA_DEVICE(i8042, "i8042", "input", "Keyboard controller with a keyboard and a mouse",
    .regs    = TENON_ARRAY(i8042_regs),
    .windows = TENON_ARRAY(i8042_windows),
    .events  = TENON_ARRAY(tenon_events_i8042),
    .lines   = 2,
    .create  = i8042_create,
    .reset   = i8042_reset,
    .loaded  = i8042_loaded);
// clang-format on

TENON_PLUGIN(&tenon_type_i8042);

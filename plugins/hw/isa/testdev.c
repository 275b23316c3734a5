/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pc-testdev - ports and memory by which programs that test processors reach around the machine. */
#include <errno.h>
#include <sys/mman.h>

#include <tenon/isa.h>
#include <tenon/machine.h>
#include <tenon/memory.h>

/*
 * E0h    RW  a latch of four bytes
 * E4h    WO  a dword: the host forgets how it maps the page at that guest-physical address
 * E8h    RW  the latch, a byte at a time
 * 2000h  WO  a byte to 2000h+n drives input n of the interrupt controllers, low if it is 0
 *
 * FF000000h  RW  64 KiB of bytes that are no RAM
 */
enum { LATCH_BYTES = 4, N_GSIS = 24, MMIO_BYTES = 0x10000, PAGE = 4096 };

struct testdev {
    struct tenon_dev *dev;
    const struct tenon_memory *memory;
    uint8_t latch[LATCH_BYTES];
    uint8_t mmio[MMIO_BYTES];
};

static uint64_t bytes_read(const uint8_t *bytes, size_t room, uint64_t at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size && at + i < room; i++)
        value |= (uint64_t)bytes[at + i] << 8 * i;
    return value;
}

static void bytes_write(uint8_t *bytes, size_t room, uint64_t at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size && at + i < room; i++)
        bytes[at + i] = value >> 8 * i;
}

static uint64_t testdev_latch_read(void *self, uint64_t reg, unsigned size)
{
    return bytes_read(((struct testdev *)self)->latch, LATCH_BYTES, reg, size);
}

static void testdev_latch_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    bytes_write(((struct testdev *)self)->latch, LATCH_BYTES, reg, value, size);
}

static uint64_t testdev_mmio_read(void *self, uint64_t reg, unsigned size)
{
    return bytes_read(((struct testdev *)self)->mmio, MMIO_BYTES, reg, size);
}

static void testdev_mmio_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    bytes_write(((struct testdev *)self)->mmio, MMIO_BYTES, reg, value, size);
}

static uint64_t testdev_zero(void *self, uint64_t reg, unsigned size)
{
    return 0;
}

/* A change of the page's protection makes the kernel drop what it maps for the guest; it stays
 * readable, for other processors. */
static void testdev_flush(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct testdev *t = self;
    uint64_t page = value & ~(uint64_t)(PAGE - 1);
    void *host;

    if (reg != 0 || size != 4)
        return;
    host = t->memory->pointer(t->dev, 0, page, PAGE);
    if (!host || mprotect(host, PAGE, PROT_READ) || mprotect(host, PAGE, PROT_READ | PROT_WRITE))
        tenon_log(t->dev, TENON_LOG_GUEST_ERROR, "no page of RAM to flush at 0x%llx",
                  (unsigned long long)page);
}

static void testdev_gsi(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    if (size == 1)
        tenon_irq(((struct testdev *)self)->dev, reg, value != 0);
}

static int testdev_create(void *self)
{
    struct testdev *t = self;
    const struct tenon_board *board = tenon_query(t->dev, "tenon.board/1");
    int err = board ? 0 : -ENODEV;

    t->memory = tenon_query(t->dev, "tenon.memory/1");
    for (unsigned n = 0; n < N_GSIS && !err; n++)
        err = board->wire_gsi(t->dev, n, n);
    if (err || !t->memory)
        return tenon_error(t->dev, -ENODEV, "this machine has no interrupt controllers or no RAM");
    return 0;
}

// clang-format off
static const struct tenon_reg testdev_regs[] = {
    TENON_REGS(struct testdev, latch), TENON_REGS(struct testdev, mmio),
};

static const struct tenon_window testdev_windows[] = {
    { .name = "latch", .space = TENON_IO, .base = 0xe0, .bytes = LATCH_BYTES,
      .read = testdev_latch_read, .write = testdev_latch_write },
    { .name = "flush-page", .space = TENON_IO, .base = 0xe4, .bytes = 4,
      .read = testdev_zero, .write = testdev_flush },
    { .name = "latch-bytes", .space = TENON_IO, .width_max = 1, .base = 0xe8, .bytes = LATCH_BYTES,
      .read = testdev_latch_read, .write = testdev_latch_write },
    { .name = "gsi", .space = TENON_IO, .base = 0x2000, .bytes = N_GSIS,
      .read = testdev_zero, .write = testdev_gsi },
    { .name = "mmio", .space = TENON_MEM, .base = 0xff000000, .bytes = MMIO_BYTES,
      .read = testdev_mmio_read, .write = testdev_mmio_write },
};

TENON_ISA_DEVICE(testdev, "pc-testdev", "misc", "Ports and memory for programs that test processors",
    .regs    = TENON_ARRAY(testdev_regs),
    .windows = TENON_ARRAY(testdev_windows),
    .lines   = N_GSIS,
    .create  = testdev_create);
// clang-format on

TENON_PLUGIN(&tenon_type_testdev);

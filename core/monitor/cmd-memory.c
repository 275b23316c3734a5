/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-memory - commands that look at the guest's memory, ports and registers. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cpu/accel.h"
#include "cpu/state.h"
#include "debug/disas.h"
#include "debug/memory.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "monitor/command.h"
#include "monitor/commands.h"

#define CHUNK 65536

/* ---- To a file ---- */

struct source {
    struct machine *m;
    struct vcpu *cpu; /* whose linear addresses; NULL: physical ones */
};

static int fetch(const struct source *from, uint64_t addr, void *buf, size_t len)
{
    return from->cpu ? guest_memory_read(from->cpu, addr, buf, len)
                     : phys_memory_read(from->m, addr, buf, len);
}

#define PATIENCE_MS                                                                                \
    1000 /* for a pipe whose reader is slow, in all: the machine stands meanwhile                  \
          */

/* Waits until a pipe takes more; false: no longer. */
static bool wait_for_reader(int fd, int64_t until)
{
    struct pollfd pipe = { .fd = fd, .events = POLLOUT };
    int64_t left = (until - g_get_monotonic_time()) / 1000;

    return left > 0 && (poll(&pipe, 1, left) > 0 || errno == EINTR);
}

static int write_all(struct call *call, int fd, const char *buf, size_t len, int64_t until)
{
    while (len) {
        ssize_t n = write(fd, buf, len);

        if (n < 0 && errno == EAGAIN && !wait_for_reader(fd, until))
            return call_error(call, "cannot write: nobody reads the other end");
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return call_error(call, "cannot write: %s", g_strerror(errno));
        buf += MAX(n, 0);
        len -= MAX(n, 0);
    }
    return 0;
}

static int save_all(struct call *call, const struct source *from, uint64_t addr, uint64_t left,
                    int fd)
{
    int64_t until = g_get_monotonic_time() + PATIENCE_MS * 1000;
    char *buf = g_malloc(CHUNK);
    int err = 0;

    while (left && !err) {
        size_t n = MIN(left, CHUNK);

        if (fetch(from, addr, buf, n))
            err = call_error(call, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", addr,
                             left);
        else
            err = write_all(call, fd, buf, n, until);
        addr += n;
        left -= n;
    }
    g_free(buf);
    return err;
}

static int save(struct call *call, const struct source *from)
{
    const char *path = call_str(call, "filename");
    int64_t size = call_int(call, "size", 0);
    bool held;
    int fd, err;

    if (size < 0)
        return call_error(call, "Parameter 'size' expects a positive number");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0)
        return call_error(call, "Could not open '%s': %s", path,
                          errno == ENXIO ? "nobody reads the other end" : g_strerror(errno));
    held = guest_hold(call->machine);
    err = save_all(call, from, call_int(call, "val", 0), size, fd);
    guest_release(call->machine, held);
    if (close(fd) && !err)
        err = call_error(call, "cannot write: %s", g_strerror(errno));
    return err;
}

static int do_memsave(struct call *call)
{
    struct source from = { call->machine, call_cpu(call, "cpu-index") };

    return from.cpu ? save(call, &from) : -1;
}

static int do_pmemsave(struct call *call)
{
    return save(call, &(struct source){ call->machine, NULL });
}

/* ---- x, xp ---- */

#define MOST_DUMPED 65536 /* items: a monitor's answer is no place for more */

struct format {
    uint32_t count;
    unsigned bytes; /* of one: 1, 2, 4, 8 */
    char as;        /* one of x, d, u, o, c, i */
};

/* "16xb", in any order; false: it is none. */
static bool read_format(const char *text, struct format *f)
{
    char *end;

    *f = (struct format){ 1, 4, 'x' };
    if (g_ascii_isdigit(*text)) {
        f->count = MIN(g_ascii_strtoull(text, &end, 10), MOST_DUMPED);
        text = end;
    }
    for (; *text; text++) {
        if (strchr("xduoci", *text))
            f->as = *text;
        else if (strchr("bhwg", *text))
            f->bytes = *text == 'b' ? 1 : *text == 'h' ? 2 : *text == 'w' ? 4 : 8;
        else
            return false;
        if (*text == 'c')
            f->bytes = 1;
    }
    return true;
}

static void print_char(struct call *call, uint8_t c)
{
    static const char special[] = "'\\\n\r", names[] = "'\\nr";
    const char *at = c ? strchr(special, c) : NULL;

    if (at)
        call_print(call, "'\\%c'", names[at - special]);
    else if (c >= 32 && c < 127)
        call_print(call, "'%c'", c);
    else
        call_print(call, "'\\x%02x'", c);
}

static int64_t extend(uint64_t value, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;

    return (int64_t)(value << shift) >> shift;
}

static void print_item(struct call *call, const struct format *f, uint64_t value)
{
    switch (f->as) {
    case 'd': call_print(call, "%" PRId64, extend(value, f->bytes)); break;
    case 'u': call_print(call, "%" PRIu64, value); break;
    case 'o': call_print(call, "%#" PRIo64, value); break;
    case 'c': print_char(call, value); break;
    default: call_print(call, "0x%0*" PRIx64, 2 * (int)f->bytes, value); break;
    }
}

static int dump(struct call *call, const struct source *from, const struct format *f, uint64_t addr)
{
    unsigned per_line = MAX(1, (f->as == 'x' ? 16 : 8) / f->bytes);

    for (uint32_t i = 0; i < f->count; i++, addr += f->bytes) {
        uint64_t value = 0;

        if (i % per_line == 0)
            call_print(call, "%s%016" PRIx64 ":", i ? "\n" : "", addr);
        if (fetch(from, addr, &value, f->bytes)) {
            call_print(call, "%sCannot access memory\n", i % per_line ? "\n" : " ");
            return 0;
        }
        call_print(call, " ");
        print_item(call, f, value);
    }
    call_print(call, "\n");
    return 0;
}

/* How wide the code is that the processor runs. */
static unsigned code_bits(struct vcpu *cpu)
{
    struct tenon_x86_state *s = g_aligned_alloc0(1, sizeof(*s), 64);
    unsigned bits = 32;

    if (cpu && !cpu->accel->ops->vcpu_get(cpu, s))
        bits = state_code64(s) ? 64 : s->seg[1].attributes & 0x4000 ? 32 : 16;
    g_aligned_free(s);
    return bits;
}

/* Bytes from addr on that can be read, up to n. */
static unsigned fetch_some(const struct source *from, uint64_t addr, uint8_t *buf, unsigned n)
{
    while (n && fetch(from, addr, buf, n))
        n--;
    return n;
}

static int dump_code(struct call *call, const struct source *from, const struct format *f,
                     uint64_t addr)
{
    struct machine *m = call->machine;
    unsigned bits = code_bits(m->cpus ? &m->cpus[call->cpu ? *call->cpu : 0] : NULL);
    char text[TENON_DISAS_TEXT];

    if (!disas_open(m, NULL))
        return -1;
    for (uint32_t i = 0; i < f->count; i++) {
        uint8_t bytes[15];
        unsigned got = fetch_some(from, addr, bytes, sizeof(bytes));
        unsigned len = disassemble(m, bytes, got, addr, bits, text);

        call_print(call, "0x%08" PRIx64 ":  ", addr);
        if (!len) {
            call_print(call, "Cannot access memory\n");
            return 0;
        }
        for (unsigned k = 0; k < MAX(len, 8); k++)
            call_print(call, k < len ? "%02x " : "   ", k < len ? bytes[k] : 0);
        call_print(call, " %s\n", text);
        addr += len;
    }
    return 0;
}

static int examine(struct call *call, const struct source *from)
{
    const char *fmt = call_str(call, "fmt");
    struct format f;
    bool held;
    int err;

    if (!read_format(fmt ? fmt : "", &f))
        return call_error(call, "'/%s' is no format: a count, x d u o c or i, and b h w or g", fmt);
    held = guest_hold(call->machine);
    err = (f.as == 'i' ? dump_code : dump)(call, from, &f, call_int(call, "addr", 0));
    guest_release(call->machine, held);
    return err;
}

static int do_x(struct call *call)
{
    struct source from = { call->machine, call_cpu(call, "cpu") };

    return from.cpu ? examine(call, &from) : -1;
}

static int do_xp(struct call *call)
{
    return examine(call, &(struct source){ call->machine, NULL });
}

static int do_print(struct call *call)
{
    const char *fmt = call_str(call, "fmt");
    struct format f;

    if (!read_format(fmt ? fmt : "x", &f) || f.as == 'i')
        return call_error(call, "'/%s' is no format: x, d, u, o or c", fmt);
    if (f.as == 'x')
        call_print(call, "%#" PRIx64, call_int(call, "val", 0));
    else
        print_item(call, &(struct format){ 1, 8, f.as }, call_int(call, "val", 0));
    call_print(call, "\n");
    return 0;
}

static int do_sum(struct call *call)
{
    uint64_t addr = call_int(call, "start", 0);
    int64_t size = call_int(call, "size", 0);
    uint8_t bytes[4096];
    uint16_t sum = 0;

    if (size > (16 << 20))
        return call_error(call, "that is too much: 16 MiB at most");
    for (size_t n; size > 0; size -= n, addr += n) {
        n = MIN((size_t)size, sizeof(bytes));
        memset(bytes, 0, n); /* for what is not there */
        phys_memory_read(call->machine, addr, bytes, n);
        for (size_t i = 0; i < n; i++)
            sum = (sum >> 1 | sum << 15) + bytes[i];
    }
    call_print(call, "%05d\n", sum);
    return 0;
}

/* ---- Ports ---- */

static bool port_access(struct call *call, struct format *f, uint64_t *port)
{
    const char *fmt = call_str(call, "fmt");

    *port = call_int(call, "addr", 0);
    if (!read_format(fmt ? fmt : "b", f) || f->bytes == 8 || *port > 0xffff) {
        call_error(call, "ports are 0 to 0xffff, and /b, /h or /w wide");
        return false;
    }
    if (!fmt)
        f->bytes = 1;
    return true;
}

static int do_in(struct call *call)
{
    static const char suffix[] = " bw l";
    struct format f;
    uint64_t port;

    if (!port_access(call, &f, &port))
        return -1;
    call_print(call, "port%c[0x%04" PRIx64 "] = 0x%0*" PRIx64 "\n", suffix[f.bytes], port,
               2 * (int)f.bytes, space_read(call->machine->io, port, f.bytes, true));
    return 0;
}

static int do_out(struct call *call)
{
    struct format f;
    uint64_t port;

    if (!port_access(call, &f, &port))
        return -1;
    space_write(call->machine->io, port, call_int(call, "val", 0), f.bytes, true);
    return 0;
}

/* ---- Addresses ---- */

static int do_gva2gpa(struct call *call)
{
    struct vcpu *cpu = call_cpu(call, "cpu");
    uint64_t phys;
    bool held, there;

    if (!cpu)
        return -1;
    held = guest_hold(call->machine);
    there = guest_translate(cpu, call_int(call, "addr", 0), &phys);
    guest_release(call->machine, held);
    if (there)
        call_print(call, "gpa: %#" PRIx64 "\n", phys);
    else
        call_print(call, "Unmapped\n");
    return 0;
}

/* NULL: it is no RAM, which is the call's error. */
static uint8_t *host_address(struct call *call, uint64_t addr, struct range *range)
{
    *range = space_at(call->machine->mem, addr);
    if (range->block)
        return range->block->host + range->offset;
    call_error(call, "Memory at address 0x%" PRIx64 " is not RAM", addr);
    return NULL;
}

static int do_gpa2hva(struct call *call)
{
    uint64_t addr = call_int(call, "addr", 0);
    struct range range;
    uint8_t *host = host_address(call, addr, &range);

    if (!host)
        return -1;
    call_print(call, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", addr, range.block->name,
               (void *)host);
    return 0;
}

static int do_gpa2hpa(struct call *call)
{
    uint64_t addr = call_int(call, "addr", 0), entry = 0, page = sysconf(_SC_PAGESIZE);
    struct range range;
    uint8_t *host = host_address(call, addr, &range);
    int fd = host ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
    bool got = fd >= 0 && pread(fd, &entry, 8, (uintptr_t)host / page * 8) == 8;

    if (fd >= 0)
        close(fd);
    if (!host)
        return -1;
    entry &= (1ull << 55) - 1; /* the page's number */
    if (!got || !entry)
        return call_error(call, "the host does not say: it takes root, and a page that is there");
    call_print(call, "Host physical address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n", addr,
               range.block->name, entry * page + (uintptr_t)host % page);
    return 0;
}

/* ---- Registers and tables ---- */

static int print_processor(struct call *call, struct vcpu *cpu, char *(*text)(struct vcpu *cpu))
{
    bool held;
    char *said;

    if (!cpu)
        return -1;
    held = guest_hold(call->machine);
    said = text(cpu);
    guest_release(call->machine, held);
    if (!said)
        return call_error(call, "this processor cannot be looked at");
    call_print(call, "%s", said);
    g_free(said);
    return 0;
}

static char *registers(struct vcpu *cpu)
{
    return vcpu_dump(cpu, true);
}

static int do_registers(struct call *call)
{
    struct machine *m = call->machine;
    int err = 0;

    if (!call_bool(call, "all", false))
        return print_processor(call, call_cpu(call, "cpu"), registers);
    for (unsigned i = 0; m->cpus && i < m->info.cpus && !err; i++) {
        call_print(call, "%sCPU#%u\n", i ? "\n" : "", i);
        err = print_processor(call, &m->cpus[i], registers);
    }
    return err;
}

static int do_tlb(struct call *call)
{
    return print_processor(call, call_cpu(call, "cpu"), paging_tlb_text);
}

static int do_mem(struct call *call)
{
    return print_processor(call, call_cpu(call, "cpu"), paging_ranges_text);
}

/* ---- Spaces ---- */

static const char *kind_of(const struct block *block, unsigned flags)
{
    return !block ? "i/o" : block->readonly || flags == MAP_READ ? "rom" : "ram";
}

static void print_place(struct call *call, uint64_t base, uint64_t bytes)
{
    call_print(call, "  %016" PRIx64 "-%016" PRIx64, base, base + bytes - 1);
}

static void print_flat(struct call *call, struct space *space)
{
    size_t n;
    const struct range *r = space_ranges(space, &n);

    for (; n; n--, r++) {
        print_place(call, r->base, r->bytes);
        call_print(call, " (prio %d, %s): %s", r->mapping ? r->mapping->priority : 0,
                   kind_of(r->block, r->flags), r->block ? r->block->name : r->mapping->name);
        if (r->offset)
            call_print(call, " @%016" PRIx64, r->offset);
        call_print(call, "\n");
    }
}

static void print_mappings(struct call *call, struct space *space)
{
    const struct mapping *m;

    for (size_t i = 0; (m = space_mapping(space, i)); i++) {
        print_place(call, m->base, m->bytes);
        call_print(call, " (prio %d, %s): %s", m->priority, kind_of(m->block, m->flags),
                   m->block ? m->block->name : m->name);
        if (m->block && m->offset)
            call_print(call, " @%016" PRIx64, m->offset);
        call_print(call, "%s\n", m->block && !m->flags ? " [disabled]" : "");
    }
}

static int do_mtree(struct call *call)
{
    bool flat = call_bool(call, "flat", false);
    struct machine *m = call->machine;
    const struct {
        const char *name;
        struct space *space;
    } spaces[] = { { "memory", m->mem }, { "I/O", m->io } };

    for (unsigned i = 0; i < G_N_ELEMENTS(spaces); i++) {
        if (flat)
            call_print(call, "FlatView #%u\n AS \"%s\"\n", i, spaces[i].name);
        else
            call_print(call, "address-space: %s\n", spaces[i].name);
        (flat ? print_flat : print_mappings)(call, spaces[i].space);
        call_print(call, "\n");
    }
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "memsave", "val:int size:int filename:str ?cpu-index:int", .run = do_memsave,
      .hmp = "memsave", .line = "val:num size:num filename:file", .params = "addr size file",
      .help = "save guest memory, by linear address, to a file" },
    { "pmemsave", "val:int size:int filename:str", .run = do_pmemsave,
      .hmp = "pmemsave", .line = "val:num size:num filename:file", .params = "addr size file",
      .help = "save guest memory, by physical address, to a file" },
    { .hmp = "x", .line = "?fmt:fmt addr:num", .params = "/fmt addr", .run = do_x,
      .help = "show guest memory at a linear address; fmt is a count, x d u o c or i, b h w or g" },
    { .hmp = "xp", .line = "?fmt:fmt addr:num", .params = "/fmt addr", .run = do_xp,
      .help = "show guest memory at a physical address" },
    { .hmp = "print|p", .line = "?fmt:fmt val:num", .params = "/fmt expr", .run = do_print,
      .help = "show what an expression is; $rax and the like are registers" },
    { .hmp = "sum", .line = "start:num size:num", .params = "addr size", .run = do_sum,
      .help = "the 16-bit checksum of physical memory" },
    { .hmp = "i", .line = "?fmt:fmt addr:num", .params = "/fmt addr", .run = do_in,
      .help = "read a port" },
    { .hmp = "o", .line = "?fmt:fmt addr:num val:num", .params = "/fmt addr value", .run = do_out,
      .help = "write to a port" },
    { .hmp = "gva2gpa", .line = "addr:num", .params = "addr", .run = do_gva2gpa,
      .help = "the physical address behind a linear one" },
    { .hmp = "gpa2hva", .line = "addr:num", .params = "addr", .run = do_gpa2hva,
      .help = "where guest memory is in this program" },
    { .hmp = "gpa2hpa", .line = "addr:num", .params = "addr", .run = do_gpa2hpa,
      .help = "where guest memory is in the host's" },
    { .hmp = "info registers", .line = "?all:-a ?cpu:num", .params = "[-a|vcpu]",
      .run = do_registers, .help = "the registers of a processor, or of all" },
    { .hmp = "info tlb", .run = do_tlb, .help = "which linear page is which physical one" },
    { .hmp = "info mem", .run = do_mem, .help = "which linear addresses can be used, and how" },
    { .hmp = "info mtree", .line = "?flat:-f", .params = "[-f]", .run = do_mtree,
      .help = "what lies where in the address spaces; -f: as the guest sees it" },
};
// clang-format on

const struct command_table memory_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
};

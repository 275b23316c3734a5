/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tables - FACS, DSDT, FADT, MADT, a small SSDT, the user's tables, RSDT, XSDT and RSDP (ACPI
 * specification 6.4, chapter 5), and the script that joins them.
 *
 * A pointer is put as an offset into the file of tables; the script adds where that came to lie.
 */
#include <errno.h>

#include "../acpi.h"
#include "buf.h"
#include "loader.h"

/* The DSDT as iasl has compiled it. */
static const
#include "dsdt.hex"

    // clang-format off
enum {
    HEADER_BYTES = 36, LENGTH_AT = 4, CHECKSUM_AT = 9,
    RSDP_BYTES = 36, RSDP_V1_BYTES = 20, RSDP_CHECKSUM_AT = 8, RSDP_RSDT_AT = 16,
    RSDP_XSDT_AT = 24, RSDP_EXTENDED_AT = 32,
    FACS_BYTES = 64,

    FADT_REVISION = 3, MADT_REVISION = 3, SSDT_REVISION = 2,
    FADT_WBINVD = 1 << 0, FADT_PROC_C1 = 1 << 2, FADT_NO_SLEEP_BUTTON = 1 << 5,
    FADT_RTC_S4 = 1 << 7, FADT_RESET_REG = 1 << 10,
    BOOT_LEGACY_DEVICES = 1 << 0, BOOT_8042 = 1 << 1,
    SPACE_MEMORY = 0, SPACE_IO = 1,
    CENTURY_REGISTER = 0x32,

    HPET_ADDR = 0xfed00000u, HPET_ID = 0x8086a201u, /* low half of its capabilities */
    LOCAL_APIC_ADDR = 0xfee00000u, IO_APIC_ADDR = 0xfec00000u,
    MADT_PCAT = 1,              /* there are 8259s too */
    MADT_LOCAL_APIC = 0, MADT_IO_APIC = 1, MADT_OVERRIDE = 2, MADT_LOCAL_NMI = 4,
    MADT_X2APIC = 9, MADT_X2APIC_NMI = 10,
    MADT_ENABLED = 1,
    LEVEL_ACTIVE_HIGH = 0x0d,

    AML_NAME = 0x08, AML_BYTE = 0x0a, AML_DWORD = 0x0c, AML_STRING = 0x0d, AML_QWORD = 0x0e,
    AML_PACKAGE = 0x12, AML_EXT = 0x5b, AML_DEVICE = 0x82,
};
// clang-format on

struct build {
    const struct acpi_config *config;
    struct buf tables, rsdp, loader;
    size_t facs, dsdt;
    struct buf listed; /* the tables that RSDT and XSDT name, 4 bytes each */
};

/* ---- Tables ---- */

static size_t table_start(struct build *b, const char *signature, uint8_t revision)
{
    struct buf *t = &b->tables;
    size_t start;

    buf_align(t, 8);
    start = t->len;
    buf_put(t, signature, 4);
    buf_put_le(t, 0, 4); /* length, set at the end */
    buf_put_le(t, revision, 1);
    buf_put_le(t, 0, 1); /* checksum, the loader's */
    buf_put(t, "TENON I440FX  ", 14);
    buf_put_le(t, 1, 4);
    buf_put(t, "TENO", 4);
    buf_put_le(t, 1, 4);
    return start;
}

static void table_end(struct build *b, size_t start)
{
    size_t len = b->tables.len - start;

    buf_set_le(&b->tables, start + LENGTH_AT, len, 4);
    loader_checksum(&b->loader, ACPI_TABLES_FILE, start + CHECKSUM_AT, start, len);
}

static void list(struct build *b, size_t table)
{
    buf_put_le(&b->listed, table, 4);
}

/* Puts a pointer to an offset in the file of tables. */
static void put_pointer(struct build *b, size_t target, unsigned bytes)
{
    loader_pointer(&b->loader, ACPI_TABLES_FILE, ACPI_TABLES_FILE, b->tables.len, bytes);
    buf_put_le(&b->tables, target, bytes);
}

/* Where the operating system leaves its waking vector; the only table without checksum. */
static void build_facs(struct build *b)
{
    struct buf *t = &b->tables;

    buf_align(t, FACS_BYTES);
    b->facs = t->len;
    buf_put(t, "FACS", 4);
    buf_put_le(t, FACS_BYTES, 4);
    buf_put(t, NULL, 24);
    buf_put_le(t, 1, 1);
    buf_put(t, NULL, 31);
}

static void build_dsdt(struct build *b)
{
    buf_align(&b->tables, 8);
    b->dsdt = b->tables.len;
    buf_put(&b->tables, dsdt_aml_code, sizeof(dsdt_aml_code));
}

/* The event timers (IA-PC HPET specification 1.0a, section 3.2.4). */
static void build_hpet(struct build *b)
{
    size_t start;

    if (!b->config->hpet)
        return;
    start = table_start(b, "HPET", 1);
    buf_put_le(&b->tables, HPET_ID, 4);
    buf_put_le(&b->tables, SPACE_MEMORY, 1);
    buf_put_le(&b->tables, 0, 3);
    buf_put_le(&b->tables, HPET_ADDR, 8);
    buf_put_le(&b->tables, 0, 1); /* number */
    buf_put_le(&b->tables, 0, 2); /* no least period */
    buf_put_le(&b->tables, 0, 1); /* no page protection */
    table_end(b, start);
    list(b, start);
}

/* A generic address: space, bits, offset, access size, address. */
static void put_port(struct buf *t, uint16_t port, uint8_t bits)
{
    buf_put_le(t, port ? SPACE_IO : 0, 1);
    buf_put_le(t, bits, 1);
    buf_put_le(t, 0, 2);
    buf_put_le(t, port, 8);
}

/* Ports and lengths of the fixed hardware, bytes 48 to 95. */
static void put_fixed_hardware(struct buf *t)
{
    buf_put_le(t, ACPI_SMI_CMD, 4);
    buf_put_le(t, ACPI_CMD_ENABLE, 1);
    buf_put_le(t, ACPI_CMD_DISABLE, 1);
    buf_put_le(t, 0, 2); /* no S4BIOS, no P-states */
    buf_put_le(t, ACPI_PM1A_EVT, 4);
    buf_put_le(t, 0, 4);
    buf_put_le(t, ACPI_PM1A_CNT, 4);
    buf_put_le(t, 0, 8);
    buf_put_le(t, ACPI_PM_TMR, 4);
    buf_put_le(t, ACPI_GPE0, 4);
    buf_put_le(t, 0, 4);
    buf_put_le(t, 4, 1); /* bytes of PM1_EVT, PM1_CNT, PM2_CNT, PM_TMR, GPE0, GPE1 */
    buf_put_le(t, 2, 1);
    buf_put_le(t, 0, 1);
    buf_put_le(t, 4, 1);
    buf_put_le(t, 4, 1);
    buf_put_le(t, 0, 3);
}

static void build_fadt(struct build *b)
{
    struct buf *t = &b->tables;
    size_t start = table_start(b, "FACP", FADT_REVISION);

    put_pointer(b, b->facs, 4);
    put_pointer(b, b->dsdt, 4);
    buf_put_le(t, 1, 1); /* as ACPI 1.0 says that there are APICs */
    buf_put_le(t, 0, 1);
    buf_put_le(t, ACPI_SCI, 2);
    put_fixed_hardware(t);
    buf_put_le(t, 0xfff, 2); /* no C2, */
    buf_put_le(t, 0xfff, 2); /* no C3 */
    buf_put_le(t, 0, 8);     /* WBINVD works; no throttling; alarm of no day or month */
    buf_put_le(t, CENTURY_REGISTER, 1);
    buf_put_le(t, BOOT_LEGACY_DEVICES | BOOT_8042, 2);
    buf_put_le(t, 0, 1);
    buf_put_le(t, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLEEP_BUTTON | FADT_RTC_S4 | FADT_RESET_REG,
               4);
    put_port(t, ACPI_RESET, 8);
    buf_put_le(t, ACPI_RESET_VALUE, 1);
    buf_put_le(t, 0, 3);
    buf_put_le(t, 0, 8); /* the FACS is at its 32-bit address */
    put_pointer(b, b->dsdt, 8);
    put_port(t, ACPI_PM1A_EVT, 32);
    put_port(t, 0, 0);
    put_port(t, ACPI_PM1A_CNT, 16);
    put_port(t, 0, 0);
    put_port(t, 0, 0);
    put_port(t, ACPI_PM_TMR, 32);
    put_port(t, ACPI_GPE0, 32);
    put_port(t, 0, 0);
    table_end(b, start);
    list(b, start);
}

/* ---- MADT ---- */

/* Ids from 255 on are beyond the first kind of entry. */
static void put_local_apic(struct buf *t, uint32_t uid, uint32_t id)
{
    if (id < 255) {
        buf_put_le(t, MADT_LOCAL_APIC | 8 << 8, 2);
        buf_put_le(t, uid, 1);
        buf_put_le(t, id, 1);
    } else {
        buf_put_le(t, MADT_X2APIC | 16 << 8, 4);
        buf_put_le(t, id, 4);
    }
    buf_put_le(t, MADT_ENABLED, 4);
    if (id >= 255)
        buf_put_le(t, uid, 4);
}

static void put_override(struct buf *t, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    buf_put_le(t, MADT_OVERRIDE | 10 << 8, 2);
    buf_put_le(t, 0, 1); /* ISA */
    buf_put_le(t, irq, 1);
    buf_put_le(t, gsi, 4);
    buf_put_le(t, flags, 2);
}

/* LINT1 of all processors is NMI. */
static void put_local_nmi(struct buf *t, bool x2apic)
{
    buf_put_le(t, MADT_LOCAL_NMI | 6 << 8, 2);
    buf_put_le(t, 0xff, 1);
    buf_put_le(t, 0, 2);
    buf_put_le(t, 1, 1);
    if (!x2apic)
        return;
    buf_put_le(t, MADT_X2APIC_NMI | 12 << 8, 4);
    buf_put_le(t, UINT32_MAX, 4);
    buf_put_le(t, 1, 4);
}

static void build_madt(struct build *b)
{
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 };
    struct buf *t = &b->tables;
    size_t start = table_start(b, "APIC", MADT_REVISION);
    bool x2apic = false;

    buf_put_le(t, LOCAL_APIC_ADDR, 4);
    buf_put_le(t, MADT_PCAT, 4);
    for (uint32_t i = 0; i < b->config->cpus; i++) {
        put_local_apic(t, i, b->config->apic_ids[i]);
        x2apic |= b->config->apic_ids[i] >= 255;
    }
    buf_put_le(t, MADT_IO_APIC | 12 << 8, 4); /* id 0 */
    buf_put_le(t, IO_APIC_ADDR, 4);
    buf_put_le(t, 0, 4);
    put_override(t, 0, 2, 0);
    for (unsigned i = 0; i < sizeof(level_irqs); i++)
        put_override(t, level_irqs[i], level_irqs[i], LEVEL_ACTIVE_HIGH);
    put_local_nmi(t, x2apic);
    table_end(b, start);
    list(b, start);
}

/* ---- SSDT: what differs from one machine to the next, as the DSDT's External names ---- */

static void put_name(struct buf *t, const char *name)
{
    buf_put_le(t, AML_NAME, 1);
    buf_put(t, name, 4);
}

static void put_number(struct buf *t, const char *name, uint64_t value)
{
    put_name(t, name);
    buf_put_le(t, AML_QWORD, 1);
    buf_put_le(t, value, 8);
}

static void put_window(struct buf *t, const char *first, const char *last,
                       const struct acpi_window *w)
{
    put_number(t, first, w->base);
    put_number(t, last, w->bytes ? w->base + w->bytes - 1 : w->base);
}

/* Package () { type, type, 0, 0 } */
static void put_sleep(struct buf *t, const char *name, uint8_t type)
{
    put_name(t, name);
    buf_put(t,
            (const uint8_t[]){ AML_PACKAGE, 10, 4, AML_BYTE, type, AML_BYTE, type, AML_BYTE, 0,
                               AML_BYTE, 0 },
            11);
}

/* Device (\_SB.Cnnn) { Name (_HID, "ACPI0007") Name (_UID, n) } */
static void put_processor(struct buf *t, uint32_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    const char name[] = { 'C', digits[n >> 8 & 15], digits[n >> 4 & 15], digits[n & 15] };

    buf_put_le(t, AML_EXT | AML_DEVICE << 8, 2);
    buf_put_le(t, 1 + 10 + 5 + 10 + 5 + 5, 1); /* bytes from this one to the end of the device */
    buf_put(t, "\\\x2e_SB_", 6);               /* a path of two names from the root */
    buf_put(t, name, 4);
    put_name(t, "_HID");
    buf_put_le(t, AML_STRING, 1);
    buf_put(t, "ACPI0007", 9);
    put_name(t, "_UID");
    buf_put_le(t, AML_DWORD, 1);
    buf_put_le(t, n, 4);
}

static void build_ssdt(struct build *b)
{
    const struct acpi_config *c = b->config;
    struct buf *t = &b->tables;
    size_t start = table_start(b, "SSDT", SSDT_REVISION);

    put_window(t, "P32B", "P32L", &c->pci32);
    put_window(t, "P64B", "P64L", &c->pci64);
    put_number(t, "COMS", c->com_ports);
    put_number(t, "PVPP", c->pvpanic);
    if (!c->no_s3)
        put_sleep(t, "_S3_", ACPI_SLP_TYP_S3);
    if (!c->no_s4)
        put_sleep(t, "_S4_", c->s4_type);
    for (uint32_t i = 0; i < c->cpus; i++)
        put_processor(t, i);
    table_end(b, start);
    list(b, start);
}

/* ---- The whole ---- */

static void build_user(struct build *b)
{
    for (unsigned i = 0; i < b->config->n_user; i++) {
        buf_align(&b->tables, 8);
        list(b, b->tables.len);
        buf_put(&b->tables, b->config->user[i].data, b->config->user[i].len);
    }
}

static size_t build_list(struct build *b, const char *signature, unsigned bytes)
{
    size_t start = table_start(b, signature, 1);

    for (size_t at = 0; at < b->listed.len; at += 4)
        put_pointer(b, le_load(b->listed.data + at, 4), bytes);
    table_end(b, start);
    return start;
}

static void build_rsdp(struct build *b, size_t rsdt, size_t xsdt)
{
    buf_put(&b->rsdp, "RSD PTR \0TENON \2", 16);
    buf_put_le(&b->rsdp, rsdt, 4);
    buf_put_le(&b->rsdp, RSDP_BYTES, 4);
    buf_put_le(&b->rsdp, xsdt, 8);
    buf_put_le(&b->rsdp, 0, 4);
    loader_pointer(&b->loader, ACPI_RSDP_FILE, ACPI_TABLES_FILE, RSDP_RSDT_AT, 4);
    loader_pointer(&b->loader, ACPI_RSDP_FILE, ACPI_TABLES_FILE, RSDP_XSDT_AT, 8);
    loader_checksum(&b->loader, ACPI_RSDP_FILE, RSDP_CHECKSUM_AT, 0, RSDP_V1_BYTES);
    loader_checksum(&b->loader, ACPI_RSDP_FILE, RSDP_EXTENDED_AT, 0, RSDP_BYTES);
}

int acpi_build(const struct acpi_config *config, struct acpi_tables *out)
{
    struct build b = { .config = config };
    size_t rsdt, xsdt;
    bool failed;

    loader_allocate(&b.loader, ACPI_TABLES_FILE, FACS_BYTES, LOADER_HIGH);
    loader_allocate(&b.loader, ACPI_RSDP_FILE, 16, LOADER_FSEG);
    build_facs(&b);
    build_dsdt(&b);
    build_fadt(&b);
    build_madt(&b);
    build_hpet(&b);
    build_ssdt(&b);
    build_user(&b);
    rsdt = build_list(&b, "RSDT", 4);
    xsdt = build_list(&b, "XSDT", 8);
    build_rsdp(&b, rsdt, xsdt);
    failed = b.tables.failed || b.rsdp.failed || b.loader.failed || b.listed.failed;
    free(b.listed.data);
    *out = (struct acpi_tables){
        .tables = { b.tables.data, b.tables.len },
        .rsdp = { b.rsdp.data, b.rsdp.len },
        .loader = { b.loader.data, b.loader.len },
    };
    if (failed)
        acpi_tables_finish(out);
    return failed ? -ENOMEM : 0;
}

void acpi_tables_finish(struct acpi_tables *t)
{
    free(t->tables.data);
    free(t->rsdp.data);
    free(t->loader.data);
    *t = (struct acpi_tables){ 0 };
}

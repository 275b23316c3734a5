/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec - the argument of -cpu, taken apart. */

#include "cpu/spec.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "options/options.h"
#include "report.h"

enum kind { BOOL, NUMBER, FREQUENCY, TEXT };

/* What becomes of a property that this build does not do. */
enum other { REFUSED, WARNED };

struct prop {
    const char *name;
    enum kind kind;
    enum cpu_prop id;
    enum other other; /* of CPU_PROP_OTHER: given another value than the default */
    uint64_t initial;
    uint64_t min, max; /* of a number; length of a text */
};

// clang-format off
#define PROP(name_, kind_, id_, ...)                                                               \
    { .name = name_, .kind = kind_, .id = CPU_PROP_##id_, __VA_ARGS__ }
#define OTHER(name_, kind_, ...)      PROP(name_, kind_, OTHER, .max = UINT64_MAX, __VA_ARGS__)
#define HYPERV(name_, kind_, ...)     OTHER(name_, kind_, .other = WARNED, __VA_ARGS__)

static const struct prop props[] = {
    PROP("vendor",                 TEXT,      VENDOR, .min = 12, .max = 12),
    PROP("model-id",               TEXT,      MODEL_ID, .max = 48),
    PROP("family",                 NUMBER,    FAMILY, .max = 0xf + 0xff),
    PROP("model",                  NUMBER,    MODEL, .max = 0xff),
    PROP("stepping",               NUMBER,    STEPPING, .max = 0xf),
    PROP("level",                  NUMBER,    LEVEL, .max = 0x3fffffff),
    PROP("min-level",              NUMBER,    MIN_LEVEL, .max = 0x3fffffff),
    PROP("xlevel",                 NUMBER,    XLEVEL, .max = 0xbfffffff),
    PROP("min-xlevel",             NUMBER,    MIN_XLEVEL, .max = 0xbfffffff),
    PROP("level-func7",            NUMBER,    LEVEL_FUNC7, .max = 1),
    PROP("full-cpuid-auto-level",  BOOL,      FULL_AUTO_LEVEL, .initial = true),
    PROP("phys-bits",              NUMBER,    PHYS_BITS, .min = 32, .max = 52),
    PROP("host-phys-bits",         BOOL,      HOST_PHYS_BITS),
    PROP("host-phys-bits-limit",   NUMBER,    HOST_PHYS_BITS_LIMIT, .min = 32, .max = 52),
    PROP("check",                  BOOL,      CHECK, .initial = true),
    PROP("enforce",                BOOL,      ENFORCE),
    PROP("migratable",             BOOL,      MIGRATABLE, .initial = true),
    PROP("pmu",                    BOOL,      PMU),
    PROP("kvm",                    BOOL,      KVM, .initial = true),
    PROP("l3-cache",               BOOL,      L3_CACHE, .initial = true),
    PROP("legacy-cache",           BOOL,      LEGACY_CACHE),
    PROP("host-cache-info",        BOOL,      HOST_CACHE_INFO),
    PROP("cpuid-0xb",              BOOL,      CPUID_0XB, .initial = true),
    PROP("vmware-cpuid-freq",      BOOL,      VMWARE_CPUID_FREQ, .initial = true),
    PROP("tsc-frequency",          FREQUENCY, TSC_FREQUENCY, .max = INT64_MAX),
    PROP("tsc-freq",               FREQUENCY, TSC_FREQUENCY, .max = INT64_MAX),
    OTHER("fill-mtrr-mask",        BOOL, .initial = true),
    OTHER("kvm-pv-enforce-cpuid",  BOOL),

    /* Known, and fine while they say what is done anyway. */
    OTHER("apic-id",               NUMBER, .initial = UINT32_MAX),
    OTHER("node-id",               NUMBER),
    OTHER("xlevel2",               NUMBER),
    OTHER("min-xlevel2",           NUMBER),
    OTHER("ucode-rev",             NUMBER),
    OTHER("lbr-fmt",               NUMBER),
    OTHER("lmce",                  BOOL),
    OTHER("kvm-no-smi-migration",  BOOL),
    OTHER("start-powered-off",     BOOL),
    OTHER("tcg-cpuid",             BOOL, .initial = true),
    OTHER("x-force-features",      BOOL),
    OTHER("x-intel-pt-auto-level", BOOL, .initial = true),
    OTHER("x-migrate-smi-count",   BOOL, .initial = true),
    OTHER("x-vendor-cpuid-only",   BOOL, .initial = true),
    OTHER("x-hv-synic-kvm-only",   BOOL),
    OTHER("x-hv-max-vps",          NUMBER),

    /* Hyper-V's interface: a guest runs without it, only slower. */
    HYPERV("hv-relaxed",           BOOL),
    HYPERV("hv-vapic",             BOOL),
    HYPERV("hv-time",              BOOL),
    HYPERV("hv-crash",             BOOL),
    HYPERV("hv-reset",             BOOL),
    HYPERV("hv-vpindex",           BOOL),
    HYPERV("hv-runtime",           BOOL),
    HYPERV("hv-synic",             BOOL),
    HYPERV("hv-stimer",            BOOL),
    HYPERV("hv-stimer-direct",     BOOL),
    HYPERV("hv-frequencies",       BOOL),
    HYPERV("hv-reenlightenment",   BOOL),
    HYPERV("hv-tlbflush",          BOOL),
    HYPERV("hv-tlbflush-ext",      BOOL),
    HYPERV("hv-tlbflush-direct",   BOOL),
    HYPERV("hv-evmcs",             BOOL),
    HYPERV("hv-ipi",               BOOL),
    HYPERV("hv-avic",              BOOL),
    HYPERV("hv-apicv",             BOOL),
    HYPERV("hv-xmm-input",         BOOL),
    HYPERV("hv-emsr-bitmap",       BOOL),
    HYPERV("hv-syndbg",            BOOL),
    HYPERV("hv-enforce-cpuid",     BOOL),
    HYPERV("hv-passthrough",       BOOL),
    HYPERV("hv-no-nonarch-coresharing", BOOL),
    HYPERV("hv-spinlocks",         NUMBER, .initial = UINT32_MAX),
    HYPERV("hv-vendor-id",         TEXT),
    HYPERV("hv-version-id-build",  NUMBER, .initial = 14393),
    HYPERV("hv-version-id-major",  NUMBER, .initial = 10),
    HYPERV("hv-version-id-minor",  NUMBER),
    HYPERV("hv-version-id-spack",  NUMBER),
    HYPERV("hv-version-id-sbranch", NUMBER),
    HYPERV("hv-version-id-snumber", NUMBER),
};
// clang-format on

static const struct prop *find_prop(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(props); i++)
        if (!strcmp(props[i].name, name))
            return &props[i];
    return NULL;
}

static const char *name_at(const void *unused, unsigned i)
{
    return i < cpu_feature_count ? cpu_feature_table[i].name : props[i - cpu_feature_count].name;
}

static int unknown(const struct cpu_spec *spec, const char *name)
{
    const char *near = nearest_name(name, NULL, cpu_feature_count + G_N_ELEMENTS(props), name_at);

    if (near)
        report(spec->where, "there is no feature or property '%s'; did you mean '%s'?", name, near);
    else
        report(spec->where, "there is no feature or property '%s'; '-cpu help' lists them", name);
    return -EINVAL;
}

static bool parse_bool_word(const char *text, uint64_t *value)
{
    static const char *const words[] = { "off", "on", "no", "yes", "false", "true", "n", "y" };

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        if (!strcmp(text, words[i])) {
            *value = i & 1;
            return true;
        }
    return false;
}

/* Decimal, or hexadecimal with 0x; a frequency may end in K, M or G. */
static bool parse_number_word(const char *text, bool frequency, uint64_t *value)
{
    bool hex = g_str_has_prefix(text, "0x") || g_str_has_prefix(text, "0X");
    g_autofree char *digits = g_strdup(hex ? text + 2 : text);
    size_t length = strlen(digits);
    const char *units = "KMG", *unit = NULL;
    uint64_t scale = 1;
    guint64 number;

    if (frequency && length && (unit = strchr(units, g_ascii_toupper(digits[length - 1])))) {
        digits[length - 1] = '\0';
        for (const char *u = units; u <= unit; u++)
            scale *= 1000;
    }
    if (!g_ascii_string_to_unsigned(digits, hex ? 16 : 10, 0, UINT64_MAX / scale, &number, NULL))
        return false;
    *value = number * scale;
    return true;
}

static int parse_value(const struct cpu_spec *spec, const struct prop *prop, const char *text,
                       uint64_t *value)
{
    uint64_t none = prop->initial; /* 0 stands for "not given" where it is out of range */

    switch (prop->kind) {
    case BOOL:
        if (parse_bool_word(text, value))
            return 0;
        report(spec->where, "%s=%s: on or off is wanted", prop->name, text);
        return -EINVAL;
    case NUMBER:
    case FREQUENCY:
        if (parse_number_word(text, prop->kind == FREQUENCY, value) &&
            ((*value >= prop->min && *value <= prop->max) || *value == none))
            return 0;
        report(spec->where,
               "%s=%s: a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " is wanted",
               prop->name, text, prop->min, prop->max);
        return -EINVAL;
    case TEXT:
        *value = *text != '\0';
        if (strlen(text) >= prop->min && strlen(text) <= prop->max)
            return 0;
        if (prop->min)
            report(spec->where, "%s=%s: it has to be %u characters long", prop->name, text,
                   (unsigned)prop->max);
        else
            report(spec->where, "%s=%s: at most %u characters fit", prop->name, text,
                   (unsigned)prop->max);
        return -EINVAL;
    }
    g_assert_not_reached();
}

static int set_prop(struct cpu_spec *spec, const struct prop *prop, const char *text)
{
    uint64_t value;
    int err = parse_value(spec, prop, text, &value);

    if (err)
        return err;
    if (prop->id != CPU_PROP_OTHER) {
        spec->given[prop->id] = true;
        spec->number[prop->id] = value;
        g_free(spec->text[prop->id]);
        spec->text[prop->id] = g_strdup(text);
        return 0;
    }
    if (value == prop->initial)
        return 0;
    if (prop->other == WARNED) {
        report_warning(spec->where, "%s: not in this build yet; the guest runs without it",
                       prop->name);
        return 0;
    }
    report(spec->where, "%s: not in this build yet", prop->name);
    return -EINVAL;
}

static void set_feature(struct cpu_spec *spec, const struct cpu_feature *feature, bool on)
{
    cpu_features_put(&spec->on, feature, on);
    cpu_features_put(&spec->off, feature, !on);
}

/* One part between commas: "+avx", "-avx", "avx", "avx=off", "phys-bits=46". */
static int parse_part(struct cpu_spec *spec, const char *part)
{
    bool sign = *part == '+' || *part == '-';
    g_autofree char *name = g_strdup(part + sign);
    char *equals = sign ? NULL : strchr(name, '=');
    const char *value = equals ? equals + 1 : *part == '-' ? "off" : "on";
    const struct cpu_feature *feature;
    const struct prop *prop;
    uint64_t on;

    if (equals)
        *equals = '\0';
    feature = cpu_feature_find(name);
    prop = find_prop(g_strdelimit(name, "_", '-'));
    if (!feature && !prop)
        return unknown(spec, name);
    if (!feature)
        return set_prop(spec, prop, value);
    if (!parse_bool_word(value, &on)) {
        report(spec->where, "%s=%s: on or off is wanted", name, value);
        return -EINVAL;
    }
    set_feature(spec, feature, on);
    return 0;
}

int cpu_spec_parse(struct cpu_spec *spec, const char *arg, const char *where)
{
    g_auto(GStrv) parts = g_strsplit(arg, ",", -1);
    int err = 0;

    *spec = (struct cpu_spec){ .where = where };
    for (size_t i = 0; i < G_N_ELEMENTS(props); i++)
        if (props[i].id != CPU_PROP_OTHER)
            spec->number[props[i].id] = props[i].initial;

    if (!parts[0] || !*parts[0]) {
        report(spec->where, "a model is wanted first; '-cpu help' lists them");
        return -EINVAL;
    }
    spec->model = g_strdup(parts[0]);
    for (unsigned i = 1; parts[i]; i++)
        if (parse_part(spec, parts[i]))
            err = -EINVAL;
    return err;
}

void cpu_spec_finish(struct cpu_spec *spec)
{
    g_free(spec->model);
    for (unsigned i = 0; i < CPU_PROPS; i++)
        g_free(spec->text[i]);
    *spec = (struct cpu_spec){ 0 };
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_lines(GPtrArray *lines, const struct cpu_card *card)
{
    g_auto(GStrv) names = g_strsplit(card->names, " ", -1);

    for (unsigned i = 0; names[i]; i++)
        g_ptr_array_add(lines, i ? g_strdup_printf("x86 %-20s  (alias of %s)", names[i], names[0])
                                 : g_strdup_printf("x86 %-20s  %s", names[i], card->help));
}

static void print_features(FILE *to)
{
    unsigned column = 0;

    for (size_t i = 0; i < cpu_feature_count; i++) {
        const struct cpu_feature *f = &cpu_feature_table[i];

        if (f->alias)
            continue;
        if (column + strlen(f->name) > 74) {
            fprintf(to, "\n");
            column = 0;
        }
        column += fprintf(to, column ? " %s" : "  %s", f->name);
    }
    fprintf(to, "\n");
}

void cpu_help(FILE *to, const struct cpu_card *cards, unsigned n)
{
    static const struct cpu_card own[] = {
        { "host", "processor with all supported host features" },
        { "max", "Enables all features supported by the accelerator in the current host" },
    };
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    for (unsigned i = 0; i < n; i++)
        add_lines(lines, &cards[i]);
    g_ptr_array_sort(lines, compare_lines);
    for (unsigned i = 0; i < G_N_ELEMENTS(own); i++)
        add_lines(lines, &own[i]);

    fprintf(to, "Available CPUs:\n");
    for (unsigned i = 0; i < lines->len; i++)
        fprintf(to, "%s\n", (char *)lines->pdata[i]);
    fprintf(to, "\nRecognized CPUID flags:\n");
    print_features(to);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-chardev - commands about character devices. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "machine/fds.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "options/options.h"
#include "plugin/plugin.h"

/* ---- Those there are ---- */

static int do_chardevs(struct call *call)
{
    call->result = json_array();
    for (struct tenon_chardev *c = NULL; (c = chardev_next(call->machine, c));) {
        char *filename = chardev_filename(c);

        json_array_append_new(call->result,
                              json_pack("{s:s, s:s, s:b}", "label", chardev_id(c), "filename",
                                        filename, "frontend-open", chardev_user_open(c)));
        g_free(filename);
    }
    return 0;
}

static void print_chardevs(struct call *call)
{
    size_t i;
    json_t *chr;

    json_array_foreach(call->result, i, chr)
        call_print(call, "%s: filename=%s\n", text_of(chr, "label"), text_of(chr, "filename"));
}

static void add_backend(void *list, const struct card *card)
{
    char **names = g_strsplit(card->names, " ", -1);

    for (char **name = names; *name; name++)
        json_array_append_new(list, json_pack("{s:s}", "name", *name));
    g_strfreev(names);
}

static int do_backends(struct call *call)
{
    call->result = json_array();
    plugins_each(call->machine->plugins, "chardev", add_backend, call->result);
    return 0;
}

/* NULL: there is none, which is the call's error. */
static struct tenon_chardev *find(struct call *call, const char *name)
{
    const char *id = call_str(call, name);
    struct tenon_chardev *chr = chardev_find(call->machine, id);

    if (!chr)
        call_error(call, "Chardev '%s' not found", id);
    return chr;
}

static int do_remove(struct call *call)
{
    struct tenon_chardev *chr = find(call, "id");

    return chr ? chardev_remove(chr, NULL) : -1;
}

static int do_break(struct call *call)
{
    struct tenon_chardev *chr = find(call, "id");

    if (!chr)
        return -1;
    chardev_tell(chr, TENON_CHR_BREAK);
    return 0;
}

/* ---- Ring buffers ---- */

static int not_a_ring(struct call *call)
{
    return call_error(call, "%s is not a ringbuf device", call_str(call, "device"));
}

static bool wants_base64(const struct call *call)
{
    return !g_strcmp0(call_str(call, "format"), "base64");
}

static int do_ring_write(struct call *call)
{
    struct tenon_chardev *chr = find(call, "device");
    const char *data = call_str(call, "data");
    size_t len = strlen(data);
    guchar *bytes = NULL;

    if (!chr)
        return -1;
    if (chardev_ringbuf_read(chr, NULL, 0) < 0)
        return not_a_ring(call);
    if (wants_base64(call))
        bytes = g_base64_decode(data, &len);
    chardev_write(chr, bytes ? (const char *)bytes : data, len);
    g_free(bytes);
    return 0;
}

/* Up to size bytes of what is kept; NULL: it is no ring buffer. */
static GByteArray *ring_take(struct tenon_chardev *chr, uint64_t size)
{
    GByteArray *all = g_byte_array_new();
    uint8_t buf[4096];
    ssize_t n = 0;

    while (size && (n = chardev_ringbuf_read(chr, buf, MIN(size, sizeof(buf)))) > 0) {
        g_byte_array_append(all, buf, n);
        size -= n;
    }
    if (n < 0)
        g_clear_pointer(&all, g_byte_array_unref);
    return all;
}

static int do_ring_read(struct call *call)
{
    struct tenon_chardev *chr = find(call, "device");
    int64_t size = call_int(call, "size", 0);
    GByteArray *bytes;
    char *text;

    if (!chr)
        return -1;
    if (size <= 0)
        return call_error(call, "size must be greater than zero");
    bytes = ring_take(chr, size);
    if (!bytes)
        return not_a_ring(call);
    text = wants_base64(call) ? g_base64_encode(bytes->data, bytes->len)
                              : g_utf8_make_valid((const char *)bytes->data, bytes->len);
    call->result = json_string(text);
    g_free(text);
    g_byte_array_unref(bytes);
    return 0;
}

static void print_ring(struct call *call)
{
    call_print(call, "%s\n", json_string_value(call->result));
}

/* ---- Making one ---- */

/* A -chardev group in the making. */
struct making {
    struct call *call;
    const char *from; /* the command's name */
    GArray *opts;     /* of struct config_opt */
    GStringChunk *texts;
};

static void set(struct making *mk, const char *key, const char *value)
{
    struct config_opt opt = {
        g_string_chunk_insert(mk->texts, key),
        g_string_chunk_insert(mk->texts, value),
        mk->from,
    };

    g_array_append_val(mk->opts, opt);
}

/* The result of one that is there. */
static void made(struct call *call, struct tenon_chardev *chr)
{
    char *filename = chardev_filename(chr);

    call->result = json_object();
    if (g_str_has_prefix(filename, "pty:"))
        json_object_set_new(call->result, "pty", json_string(filename + 4));
    g_free(filename);
}

static void opened(void *arg, struct tenon_chardev *chr, const char *why)
{
    struct call *call = arg;

    if (chr)
        made(call, chr);
    else
        call_error(call, "%s", why);
    call_finish(call);
}

/* CALL_LATER: opened() follows; -1: *chr is NULL, and it has been reported. */
static int open_as(struct making *mk, const char *id, chardev_done *done,
                   struct tenon_chardev **chr)
{
    struct config_group group = {
        .kind = "chardev",
        .id = id,
        .from = mk->from,
        .opts = (struct config_opt *)mk->opts->data,
        .n_opts = mk->opts->len,
    };
    bool later;

    *chr = chardev_create_later(mk->call->machine, &group, &later, done, mk->call);
    return later ? CALL_LATER : *chr ? 0 : -1;
}

/* What run() is to return. */
static int make(struct making *mk)
{
    const char *id = call_str(mk->call, "id");
    struct tenon_chardev *chr;
    int status;

    if (!id_is_wellformed(id))
        return call_error(mk->call, "Parameter 'id' expects an identifier");
    if (chardev_find(mk->call->machine, id))
        return call_error(mk->call, "Chardev with id '%s' already exists", id);
    status = open_as(mk, id, opened, &chr);
    if (!status)
        made(mk->call, chr);
    return status;
}

/* ---- Another back end for one that is there ---- */

/* with, which is open, takes the place; a command may have come in between. */
static int give_way(struct call *call, struct tenon_chardev *with)
{
    struct tenon_chardev *chr = find(call, "id");

    if (chr && !chardev_may_change(chr, NULL)) {
        chardev_change(chr, with);
        made(call, chr);
        return 0;
    }
    chardev_remove(with, NULL);
    return call->error ? -1 : call_error(call, "the chardev can no longer change");
}

static void opened_instead(void *arg, struct tenon_chardev *with, const char *why)
{
    struct call *call = arg;

    if (with)
        give_way(call, with);
    else
        call_error(call, "%s", why);
    call_finish(call);
}

/* What run() is to return.  Until it takes the place, the new one goes by a name no user gives. */
static int change(struct making *mk)
{
    struct tenon_chardev *chr = find(mk->call, "id"), *with;
    g_autofree char *id = g_strconcat("#", call_str(mk->call, "id"), NULL);
    int status;

    if (!chr || chardev_may_change(chr, NULL))
        return -1;
    if (chardev_find(mk->call->machine, id))
        return call_error(mk->call, "Chardev '%s' is about to change already", id + 1);
    status = open_as(mk, id, opened_instead, &with);
    return status ? status : give_way(mk->call, with);
}

/* What members of QMP's back ends are called among parameters, where it is something else. */
static const char *parameter(const char *within, const char *member)
{
    static const char *const names[][3] = {
        { "", "in", "input-path" },       { "", "out", "path" },
        { "", "device", "path" },         { "addr", "str", "fd" },
        { "", "fqdn", "name" },           { "", "type", "name" },
        { "local", "host", "localaddr" }, { "local", "port", "localport" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (!strcmp(names[i][0], within) && !strcmp(names[i][1], member))
            return names[i][2];
    return member;
}

/* "addr": {"type": "inet", "data": {...}} and plain values; within: the address that data is of. */
static void add_members(struct making *mk, json_t *data, const char *within)
{
    const char *name;
    json_t *value;

    json_object_foreach(data, name, value)
    {
        const char *key = parameter(within, name);

        if (json_is_object(value)) {
            add_members(mk, json_object_get(value, "data"), name);
        } else if (json_is_string(value)) {
            set(mk, key, json_string_value(value));
        } else if (json_is_integer(value)) {
            char *text = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));

            set(mk, key, text);
            g_free(text);
        } else {
            set(mk, key, json_is_true(value) ? "on" : "off");
        }
    }
}

/* A name that getfd gave stands for its number. */
static void resolve_fd(struct making *mk)
{
    for (unsigned i = 0; i < mk->opts->len; i++) {
        struct config_opt *opt = &g_array_index(mk->opts, struct config_opt, i);
        int fd = strcmp(opt->key, "fd") || g_ascii_isdigit(*opt->value)
                     ? -1
                     : fds_take(mk->call->machine, opt->value);
        char number[12];

        g_snprintf(number, sizeof(number), "%d", fd);
        if (fd >= 0)
            opt->value = g_string_chunk_insert(mk->texts, number);
    }
}

/* A socket listens unless told otherwise, and nobody waits for a client. */
static void add_socket_defaults(struct making *mk, json_t *data)
{
    json_t *server = json_object_get(data, "server");

    if (!server)
        set(mk, "server", "on");
    if (!json_is_false(server) && !json_object_get(data, "wait"))
        set(mk, "wait", "off");
}

static void making_init(struct making *mk, struct call *call, const char *from)
{
    *mk = (struct making){ call, from, g_array_new(FALSE, FALSE, sizeof(struct config_opt)),
                           g_string_chunk_new(256) };
}

static void making_finish(struct making *mk)
{
    g_array_free(mk->opts, TRUE);
    g_string_chunk_free(mk->texts);
}

/* QMP: a back end as an object. */
static int from_object(struct call *call, const char *from, int (*run)(struct making *mk))
{
    json_t *backend = json_object_get(call->args, "backend"),
           *data = json_object_get(backend, "data");
    const char *type = json_string_value(json_object_get(backend, "type"));
    struct making mk;
    int status;

    making_init(&mk, call, from);
    set(&mk, "backend", type);
    add_members(&mk, data, "");
    if (!strcmp(type, "socket"))
        add_socket_defaults(&mk, data);
    resolve_fd(&mk);
    status = run(&mk);
    making_finish(&mk);
    return status;
}

/* HMP: parameters as after -chardev. */
static int from_text(struct call *call, const char *from, int (*run)(struct making *mk))
{
    struct making mk;
    const char *key;
    json_t *value;
    int status;

    if (!call_has(call, "id"))
        return call_error(call, "Parameter 'id' is missing");
    making_init(&mk, call, from);
    json_object_foreach(call->args, key, value) if (strcmp(key, "id"))
        set(&mk, key, json_string_value(value));
    resolve_fd(&mk);
    status = run(&mk);
    making_finish(&mk);
    return status;
}

static int do_add(struct call *call)
{
    return from_object(call, "chardev-add", make);
}

static int do_add_text(struct call *call)
{
    return from_text(call, "chardev-add", make);
}

static int do_change(struct call *call)
{
    return from_object(call, "chardev-change", change);
}

static int do_change_text(struct call *call)
{
    return from_text(call, "chardev-change", change);
}

/* ---- A connection made elsewhere ---- */

static int do_add_client(struct call *call)
{
    static const char *const displays[] = { "vnc", "spice", "@dbus-display", NULL };
    const char *protocol = call_str(call, "protocol"), *name = call_str(call, "fdname");
    struct tenon_chardev *chr = chardev_find(call->machine, protocol);
    int fd, err;

    if (g_strv_contains(displays, protocol))
        return call_error(call, "protocol '%s' is not there: this machine has no such display",
                          protocol);
    if (!chr)
        return call_error(call, "protocol '%s' is invalid", protocol);
    if (call_bool(call, "tls", false))
        return call_error(call, "Parameter 'tls' is for displays: a chardev has its own tls-creds");
    fd = fds_take(call->machine, name);
    if (fd < 0)
        return call_error(call, "File descriptor named '%s' has not been found", name);
    err = chardev_add_client(chr, fd);
    if (!err)
        return 0;
    close(fd);
    return call_error(call, "Chardev '%s' %s", protocol,
                      err == -EBUSY     ? "has a client already"
                      : err == -ENOTSUP ? "does not listen for clients"
                                        : g_strerror(-err));
}

// clang-format off
static const struct command commands[] = {
    { "query-chardev", NULL, "[ChardevInfo]", CMD_PRECONFIG, .run = do_chardevs,
      .hmp = "info chardev", .print = print_chardevs, .help = "the character devices" },
    { "query-chardev-backends", NULL, "[ChardevBackendInfo]", CMD_PRECONFIG, .run = do_backends },
    { "chardev-add", "id:str backend:ChardevBackend", "ChardevReturn", CMD_PRECONFIG,
      .run = do_add },
    { .hmp = "chardev-add", .line = "args:opts.backend", .params = "args", .run = do_add_text,
      .help = "make a character device, of what follows -chardev on the command line" },
    { "chardev-change", "id:str backend:ChardevBackend", "ChardevReturn", .run = do_change },
    { .hmp = "chardev-change", .line = "id:chardev args:opts.backend", .params = "id args",
      .run = do_change_text,
      .help = "give the user of a character device another one in its place" },
    { "add_client", "protocol:str fdname:str ?skipauth:bool ?tls:bool", .run = do_add_client },
    { "chardev-remove", "id:str", .flags = CMD_PRECONFIG, .run = do_remove,
      .hmp = "chardev-remove", .line = "id:chardev", .params = "id",
      .help = "take down a character device that nobody uses" },
    { "chardev-send-break", "id:str", .flags = CMD_PRECONFIG, .run = do_break,
      .hmp = "chardev-send-break", .line = "id:chardev", .params = "id",
      .help = "let the guest see a break on a serial line" },
    { "ringbuf-write", "device:str data:str ?format:DataFormat", .run = do_ring_write,
      .hmp = "ringbuf_write", .line = "device:chardev data:str", .params = "device data",
      .help = "put text into a ring buffer" },
    { "ringbuf-read", "device:str size:int ?format:DataFormat", "str", .run = do_ring_read,
      .hmp = "ringbuf_read", .line = "device:chardev size:num", .params = "device size",
      .print = print_ring, .help = "take text out of a ring buffer" },
};

#define COMMON "?logfile:str ?logappend:bool"

static const struct shape shapes[] = {
    OBJECT("ChardevInfo", "label:str filename:str frontend-open:bool"),
    OBJECT("ChardevBackendInfo", "name:str"),
    OBJECT("ChardevReturn", "?pty:str"),

    ENUM("SocketAddressType", "inet unix fd"),
    OBJECT("InetSocketAddress", "host:str port:str ?to:uint16 ?ipv4:bool ?ipv6:bool"),
    OBJECT("UnixSocketAddress", "path:str ?abstract:bool ?tight:bool"),
    OBJECT("String", "str:str"),
    OBJECT("InetSocketAddressWrapper", "data:InetSocketAddress"),
    OBJECT("UnixSocketAddressWrapper", "data:UnixSocketAddress"),
    OBJECT("StringWrapper", "data:String"),
    UNION("SocketAddressLegacy", "type:SocketAddressType", "type",
          "inet:InetSocketAddressWrapper unix:UnixSocketAddressWrapper fd:StringWrapper"),

    ENUM("DataFormat", "utf8 base64"),
    ENUM("ChardevBackendKind",
         "null file stdio socket udp pipe pty console serial parallel ringbuf memory vc braille msmouse "
         "testdev spicevmc spiceport"),
    OBJECT("ChardevCommon", COMMON),
    OBJECT("ChardevFile", COMMON " ?in:str out:str ?append:bool"),
    OBJECT("ChardevStdio", COMMON " ?signal:bool"),
    OBJECT("ChardevSocket", COMMON " addr:SocketAddressLegacy ?tls-creds:str ?tls-authz:str ?server:bool ?wait:bool "
                            "?nodelay:bool ?telnet:bool ?websocket:bool ?reconnect:int"),
    OBJECT("ChardevUdp", COMMON " remote:SocketAddressLegacy ?local:SocketAddressLegacy"),
    OBJECT("ChardevHostdev", COMMON " device:str"),
    OBJECT("ChardevRingbuf", COMMON " ?size:int"),
    OBJECT("ChardevVC", COMMON " ?width:int ?height:int ?cols:int ?rows:int"),
    OBJECT("ChardevSpiceChannel", COMMON " type:str"),
    OBJECT("ChardevSpicePort", COMMON " fqdn:str"),
    OBJECT("ChardevSpiceChannelWrapper", "data:ChardevSpiceChannel"),
    OBJECT("ChardevSpicePortWrapper", "data:ChardevSpicePort"),
    OBJECT("ChardevVCWrapper", "data:ChardevVC"),
    OBJECT("ChardevHostdevWrapper", "data:ChardevHostdev"),
    OBJECT("ChardevRingbufWrapper", "data:ChardevRingbuf"),
    OBJECT("ChardevCommonWrapper", "data:ChardevCommon"),
    OBJECT("ChardevFileWrapper", "data:ChardevFile"),
    OBJECT("ChardevStdioWrapper", "data:ChardevStdio"),
    OBJECT("ChardevSocketWrapper", "data:ChardevSocket"),
    OBJECT("ChardevUdpWrapper", "data:ChardevUdp"),
    UNION("ChardevBackend", "type:ChardevBackendKind", "type",
          "null:ChardevCommonWrapper file:ChardevFileWrapper stdio:ChardevStdioWrapper "
          "socket:ChardevSocketWrapper udp:ChardevUdpWrapper pipe:ChardevHostdevWrapper "
          "pty:ChardevCommonWrapper console:ChardevCommonWrapper serial:ChardevHostdevWrapper "
          "parallel:ChardevHostdevWrapper ringbuf:ChardevRingbufWrapper "
          "memory:ChardevRingbufWrapper vc:ChardevVCWrapper braille:ChardevCommonWrapper "
          "msmouse:ChardevCommonWrapper testdev:ChardevCommonWrapper "
          "spicevmc:ChardevSpiceChannelWrapper spiceport:ChardevSpicePortWrapper"),
};

static const struct event_row events[] = {
    { .name = "VSERPORT_CHANGE", .args = "id:str open:bool", .at_most = 1000, .key = "id" },
};
// clang-format on

const struct command_table chardev_commands = TABLE(commands, shapes, events);

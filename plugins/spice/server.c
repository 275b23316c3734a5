/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server - the SPICE server of -spice, by libspice-server: who may come in, and where.
 *
 * What clients are shown comes from plugins that use tenon/spice.h.
 */

#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <spice/protocol.h>

#include <tenon/machine.h>
#include <tenon/tls.h>
#include <tenon/trace.h>

#define SPICE_EVENTS(E) E(spice_channel, "channel %d.%d: %s")
TENON_EVENTS(spice, SPICE_EVENTS);

#define SECOND 1000000000ull

/* ---- What the library says ---- */

void server_channel(struct server *s, int event, const SpiceChannelEventInfo *info)
{
    tenon_trace(s->dev, spice_channel, info->type, info->id,
                event == SPICE_CHANNEL_EVENT_CONNECTED     ? "connected"
                : event == SPICE_CHANNEL_EVENT_INITIALIZED ? "initialized"
                                                           : "disconnected");
}

/* Without the place in the library's source that it begins with: "FILE:LINE:FUNCTION: ". */
static const char *message(const char *text)
{
    const char *at = strstr(text, ": ");

    return at && memchr(text, ':', at - text) ? at + 2 : text;
}

/* Clients that do nonsense are told of once a second at most; what is fatal, always.  May run in
 * any thread. */
static void hear(const char *domain, GLogLevelFlags level, const char *text, void *arg)
{
    struct server *s = arg;
    uint64_t now = tenon_clock(s->dev, TENON_CLOCK_REAL);

    if (!(level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)))
        return;
    if (!s->running && !*s->said) {
        snprintf(s->said, sizeof(s->said), "%s", message(text));
    } else if (s->running && (level & G_LOG_LEVEL_ERROR || !s->spoke || now - s->spoke > SECOND)) {
        s->spoke = now;
        tenon_log(s->dev, TENON_LOG_INFO, "%s", message(text));
    }
}

/* ---- The interface ---- */

static int add(void *self, struct SpiceBaseInstance *instance)
{
    struct server *s = self, *before = spice_enter(s);
    int error = spice_server_add_interface(s->spice, instance);

    spice_leave(before);
    return error ? -EINVAL : 0;
}

static void remove_it(void *self, struct SpiceBaseInstance *instance)
{
    struct server *before = spice_enter(self);

    spice_server_remove_interface(instance);
    spice_leave(before);
}

static void wakeup(void *self, struct SpiceCharDeviceInstance *device)
{
    struct server *before = spice_enter(self);

    spice_server_char_device_wakeup(device);
    spice_leave(before);
}

static void port_event(void *self, struct SpiceCharDeviceInstance *port, uint8_t event)
{
    struct server *before = spice_enter(self);

    spice_server_port_event(port, event);
    spice_leave(before);
}

/* ---- Who may come in ---- */

static int find_password(struct server *s, const char **password)
{
    const struct tenon_objects *objects = tenon_query(s->dev, "tenon.objects/1");
    struct tenon_peer peer = { 0 };
    size_t n;

    *password = s->password;
    if (!s->password_secret)
        return 0;
    if (objects)
        peer = objects->find(s->dev, s->password_secret, TENON_SECRET);
    if (!peer.self || !peer.table)
        return tenon_error(s->dev, -ENOENT, "password-secret=%s: there is no secret of that id",
                           s->password_secret);
    *password = (const char *)((const struct tenon_secret *)peer.table)->get(peer.self, &n);
    if (strlen(*password) != n)
        return tenon_error(s->dev, -EINVAL, "password-secret=%s: a password has no zeros",
                           s->password_secret);
    return 0;
}

static int set_password(struct server *s)
{
    const char *password;
    int error = find_password(s, &password);

    if (error)
        return error;
    if (s->open)
        return spice_server_set_noauth(s->spice);
    if (spice_server_set_ticket(s->spice, password, 0, false, false))
        return tenon_error(s->dev, -EINVAL, "a password has %d characters at most",
                           SPICE_MAX_PASSWORD_LENGTH);
    return 0;
}

/* A file of x509-*: as given, or by its name in x509-dir; to be freed. */
static char *x509_file(struct server *s, const char *given, const char *name)
{
    char *path =
        given ? g_strdup(given) : g_build_filename(s->x509_dir ? s->x509_dir : ".", name, NULL);

    if (access(path, R_OK) == 0)
        return path;
    tenon_error(s->dev, -errno, "%s: %s", path, strerror(errno));
    g_free(path);
    return NULL;
}

static int set_tls(struct server *s)
{
    char *ca, *cert = NULL, *key = NULL;
    int error = -ENOENT;

    if (!s->tls_port)
        return 0;
    ca = x509_file(s, s->cacert_file, "ca-cert.pem");
    if (ca)
        cert = x509_file(s, s->cert_file, "server-cert.pem");
    if (cert)
        key = x509_file(s, s->key_file, "server-key.pem");
    if (key && s->dh_file && access(s->dh_file, R_OK))
        tenon_error(s->dev, -errno, "%s: %s", s->dh_file, strerror(errno));
    else if (key && spice_server_set_tls(s->spice, s->tls_port, ca, cert, key, s->key_password,
                                         s->dh_file, s->ciphers))
        tenon_error(s->dev, -EINVAL, "the library does not take the x509 files");
    else if (key)
        error = 0;
    g_free(ca);
    g_free(cert);
    g_free(key);
    return error;
}

/* The channels, separated by commas; "default" is all others. */
static int secure(struct server *s, const char *key, const char *names, int security)
{
    char **each = g_strsplit(names ? names : "", ",", -1);
    int error = 0;

    for (char **name = each; *name && !error; name++)
        if (spice_server_set_channel_security(s->spice, strcmp(*name, "default") ? *name : NULL,
                                              security))
            error = tenon_error(s->dev, -EINVAL, "%s=%s: there is no such channel", key, *name);
    g_strfreev(each);
    return error;
}

/* ---- Where ---- */

/* What cannot be said together. */
static int check(struct server *s)
{
    const struct {
        bool wrong;
        const char *why;
    } rules[] = {
        { !s->port && !s->tls_port && !s->is_unix, "takes port, tls-port, or unix=on with addr" },
        { s->is_unix && (!s->addr || !*s->addr), "unix=on needs addr, the path of the socket" },
        { s->is_unix && (s->port || s->tls_port), "takes one of unix and port or tls-port" },
        { s->ipv4 + s->ipv6 + s->is_unix > 1, "takes one of ipv4, ipv6 and unix" },
        { s->tls_channels && !s->tls_port, "tls-channel needs tls-port" },
        { s->password && s->password_secret, "takes one of password and password-secret" },
        { s->open && (s->password || s->password_secret),
          "disable-ticketing=on has no use for a password" },
        { !s->open && !s->password && !s->password_secret,
          "takes password-secret, or disable-ticketing=on: nobody could come in" },
    };

    for (unsigned i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (rules[i].wrong)
            return tenon_error(s->dev, -EINVAL, "%s", rules[i].why);
    return 0;
}

static void set_address(struct server *s)
{
    int family = s->is_unix ? SPICE_ADDR_FLAG_UNIX_ONLY
                 : s->ipv4  ? SPICE_ADDR_FLAG_IPV4_ONLY
                 : s->ipv6  ? SPICE_ADDR_FLAG_IPV6_ONLY
                            : 0;

    spice_server_set_addr(s->spice, s->addr ? s->addr : "", family);
    if (s->port)
        spice_server_set_port(s->spice, s->port);
}

static void set_identity(struct server *s)
{
    const struct tenon_board *board = tenon_query(s->dev, "tenon.board/1");
    const struct tenon_board_info *info = board ? board->info(s->dev) : NULL;

    if (info && info->name)
        spice_server_set_name(s->spice, info->name);
    if (info && info->has_uuid)
        spice_server_set_uuid(s->spice, info->uuid);
    spice_server_set_agent_copypaste(s->spice, !s->no_copy_paste);
    spice_server_set_agent_file_xfer(s->spice, !s->no_file_xfer);
    spice_server_set_exit_on_disconnect(s->spice, false);
}

/* The library unlinks what stands in a unix socket's place, whatever that is; and says why it
 * cannot make one past those who listen. */
static int check_path(struct server *s)
{
    char *folder = s->is_unix ? g_path_get_dirname(s->addr) : NULL;
    struct stat st;
    int error = 0;

    if (folder && lstat(s->addr, &st) == 0 && !S_ISSOCK(st.st_mode))
        error = tenon_error(s->dev, -EEXIST, "addr=%s: is there already, and no socket", s->addr);
    else if (folder && access(folder, W_OK))
        error = tenon_error(s->dev, -errno, "addr=%s: %s", s->addr, strerror(errno));
    g_free(folder);
    return error;
}

/* A unix socket is the user's alone: there is one thread yet, and the umask is the process's. */
static int start(struct server *s)
{
    SpiceCoreInterface *core = (SpiceCoreInterface *)&spice_core; /* which it only reads */
    mode_t mask = umask(0177);
    int error = spice_server_init(s->spice, core);

    umask(mask);
    if (error)
        return tenon_error(s->dev, -EIO, "%s", *s->said ? s->said : "the library cannot start");
    spice_server_vm_start(s->spice);
    s->running = true;
    return 0;
}

static int set_up(struct server *s)
{
    int error = set_password(s);

    set_address(s);
    set_identity(s);
    if (!error)
        error = set_tls(s);
    if (!error)
        error = secure(s, "tls-channel", s->tls_channels, SPICE_CHANNEL_SECURITY_SSL);
    if (!error)
        error = secure(s, "plaintext-channel", s->plaintext_channels, SPICE_CHANNEL_SECURITY_NONE);
    return error ? error : start(s);
}

/* ---- Life ---- */

static int server_create(void *self)
{
    struct server *s = self, *before;
    int error = check(s);

    if (!error)
        error = check_path(s);
    if (error)
        return error;
    s->loop = tenon_query(s->dev, "tenon.loop/1");
    if (!s->loop)
        return tenon_error(s->dev, -ENOTSUP, "this emulator has no event loop for servers");
    s->log = g_log_set_handler("Spice", G_LOG_LEVEL_MASK | G_LOG_FLAG_FATAL, hear, s);
    before = spice_enter(s);
    s->spice = spice_server_new();
    error = s->spice ? set_up(s) : -ENOMEM;
    spice_leave(before);
    return error;
}

static void server_destroy(void *self)
{
    struct server *s = self, *before = spice_enter(s);

    if (s->spice)
        spice_server_destroy(s->spice);
    if (s->running && s->is_unix)
        unlink(s->addr);
    spice_leave(before);
    if (s->log)
        g_log_remove_handler("Spice", s->log);
}

/* A reset of the machine has stopped the timer. */
static void server_reset(void *self)
{
    spice_timers_arm(self);
}

static const struct tenon_spice interface = {
    .size = sizeof(interface),
    .add = add,
    .remove = remove_it,
    .wakeup = wakeup,
    .port_event = port_event,
};

static const struct tenon_iface ifaces[] = { { TENON_SPICE, &interface } };

// clang-format off
static const struct tenon_timer timers[] = {
    [TIMER_NEXT] = { "next", spice_timers_fire, TENON_CLOCK_REAL },
};

static const struct tenon_prop props[] = {
    TENON_PROP(struct server, "port",              TENON_U32,  port, .max = 65535,
               .help = "TCP port of channels in the clear; 0 for none"),
    TENON_PROP(struct server, "tls-port",          TENON_U32,  tls_port, .max = 65535,
               .help = "TCP port of channels over TLS; 0 for none"),
    TENON_PROP(struct server, "addr",              TENON_STR,  addr,
               .help = "address to listen at, or any; with unix=on the path of the socket"),
    TENON_PROP(struct server, "ipv4",              TENON_BOOL, ipv4, .help = "IPv4 alone"),
    TENON_PROP(struct server, "ipv6",              TENON_BOOL, ipv6, .help = "IPv6 alone"),
    TENON_PROP(struct server, "unix",              TENON_BOOL, is_unix,
               .help = "listen at a unix socket"),
    TENON_PROP(struct server, "password",          TENON_STR,  password,
               .help = "what clients must know; others see it in the list of processes"),
    TENON_PROP(struct server, "password-secret",   TENON_STR,  password_secret,
               .help = "id of the secret that holds the password"),
    TENON_PROP(struct server, "disable-ticketing", TENON_BOOL, open,
               .help = "clients need no password"),
    TENON_PROP(struct server, "disable-copy-paste", TENON_BOOL, no_copy_paste,
               .help = "the clipboard does not pass between client and guest"),
    TENON_PROP(struct server, "disable-agent-file-xfer", TENON_BOOL, no_file_xfer,
               .help = "files do not pass between client and guest"),
    TENON_PROP(struct server, "x509-dir",          TENON_STR,  x509_dir,
               .help = "folder of ca-cert.pem, server-cert.pem and server-key.pem"),
    TENON_PROP(struct server, "x509-key-file",     TENON_STR,  key_file,
               .help = "the server's key"),
    TENON_PROP(struct server, "x509-key-password", TENON_STR,  key_password,
               .help = "what opens the key, if it is encrypted"),
    TENON_PROP(struct server, "x509-cert-file",    TENON_STR,  cert_file,
               .help = "the server's certificate"),
    TENON_PROP(struct server, "x509-cacert-file",  TENON_STR,  cacert_file,
               .help = "its authority's certificate"),
    TENON_PROP(struct server, "x509-dh-key-file",  TENON_STR,  dh_file,
               .help = "parameters of Diffie-Hellman"),
    TENON_PROP(struct server, "tls-ciphers",       TENON_STR,  ciphers,
               .help = "ciphers to use, as OpenSSL writes them"),
    TENON_PROP(struct server, "tls-channel",       TENON_STR,  tls_channels,
               .help = "channels that must use TLS: main, port, usbredir ... or default for all"),
    TENON_PROP(struct server, "plaintext-channel", TENON_STR,  plaintext_channels,
               .help = "channels that must not"),
};
// clang-format on

TENON_SPICE_SERVER(server, "server", "a SPICE server", .props = TENON_ARRAY(props),
                   .timers = TENON_ARRAY(timers), .ifaces = TENON_ARRAY(ifaces),
                   .create = server_create, .destroy = server_destroy, .reset = server_reset,
                   .events = TENON_ARRAY(tenon_events_spice));
TENON_PLUGIN(&tenon_type_server);

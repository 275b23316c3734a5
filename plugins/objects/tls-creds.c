/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tls-creds - who we are to a TLS peer, and whom we trust: certificates, shared keys, or nobody.
 * The files in dir have the names of QEMU's manual.
 */

#include "tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/system.h>

char *creds_file(struct creds *c, const char *name, bool must)
{
    char *path;

    if (asprintf(&path, "%s/%s", c->dir ? c->dir : ".", name) < 0)
        return NULL;
    if (access(path, R_OK) == 0)
        return path;
    if (must)
        tenon_error(c->dev, -errno, "%s: %s", path, strerror(errno));
    free(path);
    return NULL;
}

static int wrong(struct creds *c, const char *what, int error)
{
    return tenon_error(c->dev, -EINVAL, "%s: %s", what, gnutls_strerror(error));
}

/* ---- What all have ---- */

/* Parameters of the server's for Diffie-Hellman, if there is such a file. */
static int load_dh(struct creds *c)
{
    char *path = c->dir ? creds_file(c, "dh-params.pem", false) : NULL;
    gnutls_datum_t text;
    int error;

    if (!path || c->endpoint != ENDPOINT_SERVER) {
        free(path);
        return 0;
    }
    error = gnutls_load_file(path, &text);
    if (!error) {
        error = gnutls_dh_params_init(&c->dh);
        if (!error)
            error = gnutls_dh_params_import_pkcs3(c->dh, &text, GNUTLS_X509_FMT_PEM);
        gnutls_free(text.data);
    }
    if (error)
        error = wrong(c, path, error);
    free(path);
    return error;
}

static int load_priority(struct creds *c)
{
    static const char *const more[] = {
        [CREDS_X509] = "",
        [CREDS_PSK] = ":+ECDHE-PSK:+DHE-PSK:+PSK",
        [CREDS_ANON] = ":-VERS-TLS1.3:+ANON-ECDH:+ANON-DH", /* 1.3 knows no nobody */
    };
    const char *given = c->priority_given ? c->priority_given : "NORMAL", *at;
    char *text;
    int error;

    if (asprintf(&text, "%s%s", given, more[c->kind]) < 0)
        return tenon_error(c->dev, -ENOMEM, "no memory");
    error = gnutls_priority_init(&c->priority, text, &at);
    if (error)
        error = tenon_error(c->dev, -EINVAL, "priority=%s: is wrong at '%s'", given, at);
    free(text);
    return error;
}

static int creds_create(struct creds *c, enum creds_kind kind, int (*load)(struct creds *c))
{
    int error;

    c->kind = kind;
    if (!c->dir && kind != CREDS_ANON)
        return tenon_error(c->dev, -EINVAL, "dir is missing");
    error = load_priority(c);
    if (!error)
        error = load_dh(c);
    return error ? error : load(c);
}

static void creds_destroy(void *self)
{
    struct creds *c = self;

    if (c->x509)
        gnutls_certificate_free_credentials(c->x509);
    if (c->psk_server)
        gnutls_psk_free_server_credentials(c->psk_server);
    if (c->psk_client)
        gnutls_psk_free_client_credentials(c->psk_client);
    if (c->anon_server)
        gnutls_anon_free_server_credentials(c->anon_server);
    if (c->anon_client)
        gnutls_anon_free_client_credentials(c->anon_client);
    if (c->dh)
        gnutls_dh_params_deinit(c->dh);
    if (c->priority)
        gnutls_priority_deinit(c->priority);
}

/* ---- tls-creds-x509 ---- */

static int x509_create(void *self)
{
    return creds_create(self, CREDS_X509, x509_load);
}

/* ---- tls-creds-psk: keys.psk has a line "NAME:HEXADECIMAL KEY" for each ---- */

static int psk_server(struct creds *c, const char *path)
{
    int error = gnutls_psk_allocate_server_credentials(&c->psk_server);

    if (!error)
        error = gnutls_psk_set_server_credentials_file(c->psk_server, path);
    if (error)
        return wrong(c, path, error);
    if (c->dh)
        gnutls_psk_set_server_dh_params(c->psk_server, c->dh);
    else
        gnutls_psk_set_server_known_dh_params(c->psk_server, GNUTLS_SEC_PARAM_MEDIUM);
    return 0;
}

/* The key of the user in the text, whose lines it cuts apart; or NULL. */
static char *find_key(char *text, const char *user)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        char *colon = strchr(line, ':');

        if (colon && (size_t)(colon - line) == strlen(user) && !memcmp(line, user, colon - line))
            return colon + 1;
    }
    return NULL;
}

static int psk_client(struct creds *c, const char *path)
{
    gnutls_datum_t text, key = { 0 };
    int error = gnutls_load_file(path, &text);

    if (error)
        return wrong(c, path, error);
    key.data = (unsigned char *)find_key((char *)text.data, c->username);
    if (key.data) {
        key.size = strlen((char *)key.data);
        error = gnutls_psk_allocate_client_credentials(&c->psk_client);
        if (!error)
            error = gnutls_psk_set_client_credentials(c->psk_client, c->username, &key,
                                                      GNUTLS_PSK_KEY_HEX);
        if (error)
            error = wrong(c, path, error);
    } else {
        error = tenon_error(c->dev, -ENOENT, "%s: there is no key of '%s'", path, c->username);
    }
    gnutls_memset(text.data, 0, text.size);
    gnutls_free(text.data);
    return error;
}

static int psk_load(struct creds *c)
{
    char *path = creds_file(c, "keys.psk", true);
    int error = -ENOENT;

    if (path)
        error = c->endpoint == ENDPOINT_SERVER ? psk_server(c, path) : psk_client(c, path);
    free(path);
    return error;
}

static int psk_create(void *self)
{
    return creds_create(self, CREDS_PSK, psk_load);
}

/* ---- tls-creds-anon ---- */

static int anon_load(struct creds *c)
{
    int error = c->endpoint == ENDPOINT_SERVER
                    ? gnutls_anon_allocate_server_credentials(&c->anon_server)
                    : gnutls_anon_allocate_client_credentials(&c->anon_client);

    if (error)
        return wrong(c, "tls-creds-anon", error);
    if (c->anon_server && c->dh)
        gnutls_anon_set_server_dh_params(c->anon_server, c->dh);
    else if (c->anon_server)
        gnutls_anon_set_server_known_dh_params(c->anon_server, GNUTLS_SEC_PARAM_MEDIUM);
    return 0;
}

static int anon_create(void *self)
{
    return creds_create(self, CREDS_ANON, anon_load);
}

/* ---- Tables ---- */

static const char *const endpoints[] = { "client", "server", NULL };
static const struct tenon_iface ifaces[] = { { TENON_TLS, &tls_interface } };

// clang-format off
#define COMMON                                                                                     \
    TENON_PROP(struct creds, "dir",         TENON_STR,  dir, .help = "folder of the files"),       \
    TENON_PROP(struct creds, "endpoint",    TENON_ENUM, endpoint, .names = endpoints,              \
               .help = "which end of a connection we are"),                                        \
    TENON_PROP(struct creds, "priority",    TENON_STR,  priority_given,                            \
               .help = "versions and algorithms, as GnuTLS writes them"),                          \
    TENON_PROP(struct creds, "verify-peer", TENON_BOOL, verify_peer, .initial = true,              \
               .help = "a peer without a certificate of our authority is refused (x509)")

static const struct tenon_prop x509_props[] = {
    COMMON,
    TENON_PROP(struct creds, "sanity-check", TENON_BOOL, sanity_check, .initial = true,
               .help = "look at the certificates before they are used"),
    TENON_PROP(struct creds, "passwordid",   TENON_STR,  passwordid,
               .help = "id of the secret that opens the key's file"),
};
static const struct tenon_prop psk_props[] = {
    COMMON,
    TENON_PROP(struct creds, "username",     TENON_STR,  username, .initial_str = "qemu",
               .help = "who a client is, in keys.psk"),
};
static const struct tenon_prop anon_props[] = { COMMON };
// clang-format on

/* A type for each kind, all of the same state. */
struct creds_x509 {
    union {
        struct tenon_dev *dev;
        struct creds creds;
    };
};
struct creds_psk {
    union {
        struct tenon_dev *dev;
        struct creds creds;
    };
};
struct creds_anon {
    union {
        struct tenon_dev *dev;
        struct creds creds;
    };
};

TENON_OBJECT(creds_x509, "tls-creds-x509", "TLS with certificates",
             .props = TENON_ARRAY(x509_props), .ifaces = TENON_ARRAY(ifaces), .create = x509_create,
             .destroy = creds_destroy);
TENON_OBJECT(creds_psk, "tls-creds-psk", "TLS with shared keys", .props = TENON_ARRAY(psk_props),
             .ifaces = TENON_ARRAY(ifaces), .create = psk_create, .destroy = creds_destroy);
TENON_OBJECT(creds_anon, "tls-creds-anon", "TLS with peers that are not known",
             .props = TENON_ARRAY(anon_props), .ifaces = TENON_ARRAY(ifaces), .create = anon_create,
             .destroy = creds_destroy);
TENON_PLUGIN(&tenon_type_creds_x509, &tenon_type_creds_psk, &tenon_type_creds_anon);

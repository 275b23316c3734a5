/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tls-session - TLS over a transport of callbacks, by GnuTLS. */

#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#include <tenon/system.h>

struct tenon_tls_session {
    struct creds *creds;
    gnutls_session_t tls;
    struct tenon_tls_via via;
    void *arg;
    char *host;
    bool ready;  /* the handshake is over, and the peer is who it should be */
    bool unsent; /* a record waits in GnuTLS */
    char error[200];
    char *peer; /* who it is, or NULL */
};

static bool is_server(void *self)
{
    struct creds *c = self;

    return c->endpoint == ENDPOINT_SERVER;
}

/* ---- The transport ---- */

static ssize_t push(gnutls_transport_ptr_t arg, const void *buf, size_t len)
{
    struct tenon_tls_session *s = arg;
    ssize_t n = s->via.send(s->arg, buf, len);

    if (n < 0)
        gnutls_transport_set_errno(s->tls, -n);
    return n < 0 ? -1 : n;
}

static ssize_t pull(gnutls_transport_ptr_t arg, void *buf, size_t len)
{
    struct tenon_tls_session *s = arg;
    ssize_t n = s->via.recv(s->arg, buf, len);

    if (n < 0)
        gnutls_transport_set_errno(s->tls, -n);
    return n < 0 ? -1 : n;
}

/* ---- Start and end ---- */

static void session_end(struct tenon_tls_session *s)
{
    if (!s)
        return;
    if (s->tls)
        gnutls_deinit(s->tls);
    free(s->host);
    free(s->peer);
    free(s);
}

static int set_credentials(struct tenon_tls_session *s)
{
    struct creds *c = s->creds;
    bool server = is_server(c);

    switch (c->kind) {
    case CREDS_X509:
        if (server && c->verify_peer)
            gnutls_certificate_server_set_request(s->tls, GNUTLS_CERT_REQUIRE);
        return gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, c->x509);
    case CREDS_PSK:
        return gnutls_credentials_set(s->tls, GNUTLS_CRD_PSK,
                                      server ? (void *)c->psk_server : c->psk_client);
    default:
        return gnutls_credentials_set(s->tls, GNUTLS_CRD_ANON,
                                      server ? (void *)c->anon_server : c->anon_client);
    }
}

static bool is_address(const char *host)
{
    uint8_t address[16];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static struct tenon_tls_session *session_start(void *self, const char *host,
                                               const struct tenon_tls_via *via, void *arg)
{
    struct tenon_tls_session *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->creds = self;
    memcpy(&s->via, via, via->size < sizeof(s->via) ? via->size : sizeof(s->via));
    s->arg = arg;
    s->host = host && *host ? strdup(host) : NULL;
    if (gnutls_init(&s->tls, (is_server(self) ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK) ||
        gnutls_priority_set(s->tls, s->creds->priority) || set_credentials(s)) {
        session_end(s);
        return NULL;
    }
    gnutls_transport_set_ptr(s->tls, s);
    gnutls_transport_set_push_function(s->tls, push);
    gnutls_transport_set_pull_function(s->tls, pull);
    if (s->host && !is_server(self) && !is_address(s->host))
        gnutls_server_name_set(s->tls, GNUTLS_NAME_DNS, s->host, strlen(s->host));
    return s;
}

/* ---- The handshake ---- */

static bool must_wait(ssize_t error)
{
    return error == GNUTLS_E_AGAIN || error == GNUTLS_E_INTERRUPTED;
}

static int fail(struct tenon_tls_session *s, ssize_t error)
{
    if (error == GNUTLS_E_FATAL_ALERT_RECEIVED)
        snprintf(s->error, sizeof(s->error), "the TLS peer says: %s",
                 gnutls_alert_get_name(gnutls_alert_get(s->tls)));
    else
        snprintf(s->error, sizeof(s->error), "TLS: %s", gnutls_strerror(error));
    return -EIO;
}

static int verify_peer(struct tenon_tls_session *s)
{
    const char *purpose = is_server(s->creds) ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_typed_vdata_st data[] = {
        { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)purpose, 0 },
        { GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)s->host, 0 },
    };
    gnutls_datum_t text = { 0 };
    unsigned status;
    int error = gnutls_certificate_verify_peers(s->tls, data, s->host ? 2 : 1, &status);

    if (error)
        return fail(s, error);
    if (!status)
        return 0;
    gnutls_certificate_verification_status_print(status, gnutls_certificate_type_get(s->tls), &text,
                                                 0);
    snprintf(s->error, sizeof(s->error), "the TLS peer is not trusted: %s",
             text.data ? (char *)text.data : "");
    gnutls_free(text.data);
    gnutls_alert_send(s->tls, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return -EACCES;
}

static int session_handshake(struct tenon_tls_session *s)
{
    int error = s->ready ? 0 : gnutls_handshake(s->tls);

    if (error && !gnutls_error_is_fatal(error))
        return -EAGAIN;
    if (error) {
        if (error != GNUTLS_E_PUSH_ERROR && error != GNUTLS_E_PULL_ERROR)
            gnutls_alert_send_appropriate(s->tls, error);
        return fail(s, error);
    }
    if (!s->ready && s->creds->kind == CREDS_X509 && s->creds->verify_peer)
        error = verify_peer(s);
    s->ready = !error;
    return error;
}

/* ---- Who the peer is ---- */

/* The subject of its certificate, to be freed; NULL: it has none, or no memory. */
static char *subject(gnutls_session_t tls)
{
    unsigned n = 0;
    const gnutls_datum_t *certificates = gnutls_certificate_get_peers(tls, &n);
    gnutls_x509_crt_t cert;
    char *name = NULL;
    size_t len = 0;

    if (!certificates || !n || gnutls_x509_crt_init(&cert))
        return NULL;
    if (!gnutls_x509_crt_import(cert, &certificates[0], GNUTLS_X509_FMT_DER) &&
        gnutls_x509_crt_get_dn(cert, NULL, &len) == GNUTLS_E_SHORT_MEMORY_BUFFER)
        name = malloc(len);
    if (name && gnutls_x509_crt_get_dn(cert, name, &len)) {
        free(name);
        name = NULL;
    }
    gnutls_x509_crt_deinit(cert);
    return name;
}

static const char *session_peer(struct tenon_tls_session *s)
{
    const struct creds *c = s->creds;
    const char *user;

    if (!s->ready || s->peer)
        return s->peer;
    if (c->kind == CREDS_X509 && c->verify_peer)
        s->peer = subject(s->tls);
    user =
        c->kind == CREDS_PSK && is_server(s->creds) ? gnutls_psk_server_get_username(s->tls) : NULL;
    if (user)
        s->peer = strdup(user);
    return s->peer;
}

/* ---- Data ---- */

static int session_flush(struct tenon_tls_session *s)
{
    ssize_t n;

    if (!s->unsent)
        return 0;
    n = gnutls_record_send(s->tls, NULL, 0); /* goes on with the record that waits */
    if (must_wait(n))
        return -EAGAIN;
    s->unsent = false;
    return n < 0 ? fail(s, n) : 0;
}

static ssize_t session_send(struct tenon_tls_session *s, const void *buf, size_t len)
{
    size_t most = gnutls_record_get_max_size(s->tls);
    int error = session_flush(s);
    ssize_t n;

    if (error || !len)
        return error;
    if (len > most)
        len = most;
    n = gnutls_record_send(s->tls, buf, len);
    s->unsent = must_wait(n);
    if (s->unsent)
        return len; /* it is in a record now */
    return n < 0 ? fail(s, n) : n;
}

static ssize_t session_recv(struct tenon_tls_session *s, void *buf, size_t len)
{
    ssize_t n = gnutls_record_recv(s->tls, buf, len);

    if (n >= 0)
        return n;
    if (n == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    if (n == GNUTLS_E_REHANDSHAKE)
        gnutls_alert_send(s->tls, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    return gnutls_error_is_fatal(n) ? fail(s, n) : -EAGAIN;
}

static size_t session_pending(struct tenon_tls_session *s)
{
    return gnutls_record_check_pending(s->tls);
}

static unsigned session_events(struct tenon_tls_session *s)
{
    if (s->ready)
        return s->unsent ? TENON_WRITABLE : 0;
    return gnutls_record_get_direction(s->tls) ? TENON_WRITABLE : TENON_READABLE;
}

static void session_bye(struct tenon_tls_session *s)
{
    if (s->ready)
        gnutls_bye(s->tls, GNUTLS_SHUT_WR);
}

static const char *session_error(struct tenon_tls_session *s)
{
    return s->error;
}

const struct tenon_tls tls_interface = {
    .size = sizeof(tls_interface),
    .server = is_server,
    .start = session_start,
    .end = session_end,
    .handshake = session_handshake,
    .recv = session_recv,
    .pending = session_pending,
    .send = session_send,
    .flush = session_flush,
    .events = session_events,
    .bye = session_bye,
    .error = session_error,
    .peer = session_peer,
};

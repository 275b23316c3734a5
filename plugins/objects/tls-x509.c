/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tls-x509 - credentials made of certificates, and a look at whether they can work at all. */

#include "tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/x509.h>

#include <tenon/system.h>

struct certs {
    gnutls_x509_crt_t *list;
    unsigned n;
};

static void certs_finish(struct certs *certs)
{
    for (unsigned i = 0; i < certs->n; i++)
        gnutls_x509_crt_deinit(certs->list[i]);
    gnutls_free(certs->list);
}

static int certs_load(struct creds *c, const char *path, struct certs *certs)
{
    gnutls_datum_t text;
    int error = gnutls_load_file(path, &text);

    *certs = (struct certs){ 0 };
    if (!error) {
        error =
            gnutls_x509_crt_list_import2(&certs->list, &certs->n, &text, GNUTLS_X509_FMT_PEM, 0);
        gnutls_free(text.data);
    }
    if (!error)
        return 0;
    return tenon_error(c->dev, -EINVAL, "%s: %s", path, gnutls_strerror(error));
}

/* Most trouble with TLS is one of these, and shows only when somebody connects. */
static int check_time(struct creds *c, const char *path, gnutls_x509_crt_t cert)
{
    time_t now = time(NULL);

    if (gnutls_x509_crt_get_expiration_time(cert) < now)
        return tenon_error(c->dev, -EINVAL, "%s: the certificate has expired", path);
    if (gnutls_x509_crt_get_activation_time(cert) > now)
        return tenon_error(c->dev, -EINVAL, "%s: the certificate is not valid yet", path);
    return 0;
}

static int check_authority(struct creds *c, const char *path, const struct certs *authority)
{
    int error = 0;

    for (unsigned i = 0; i < authority->n && !error; i++) {
        if (gnutls_x509_crt_get_ca_status(authority->list[i], NULL) <= 0)
            error = tenon_error(c->dev, -EINVAL, "%s: is not an authority's certificate", path);
        else
            error = check_time(c, path, authority->list[i]);
    }
    return error;
}

/* A certificate that names purposes must name this one. */
static bool has_purpose(gnutls_x509_crt_t cert, const char *wanted)
{
    char oid[128];
    unsigned i;

    for (i = 0;; i++) {
        size_t n = sizeof(oid);
        int error = gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &n, NULL);

        if (error == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return i == 0;
        if (!error && (!strcmp(oid, wanted) || !strcmp(oid, GNUTLS_KP_ANY)))
            return true;
        if (error && error != GNUTLS_E_SHORT_MEMORY_BUFFER)
            return false;
    }
}

static int check_own(struct creds *c, const char *path, const struct certs *own,
                     const struct certs *authority)
{
    bool server = c->endpoint == ENDPOINT_SERVER;
    unsigned status = 0;
    int error = check_time(c, path, own->list[0]);

    if (error)
        return error;
    if (!has_purpose(own->list[0], server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT))
        return tenon_error(c->dev, -EINVAL, "%s: the certificate is not for a %s", path,
                           server ? "server" : "client");
    if (gnutls_x509_crt_list_verify(own->list, own->n, authority->list, authority->n, NULL, 0, 0,
                                    &status) ||
        status)
        return tenon_error(c->dev, -EINVAL, "%s: was not issued by the authority of ca-cert.pem",
                           path);
    return 0;
}

static int check(struct creds *c, const char *ca, const char *cert)
{
    struct certs authority, own = { 0 };
    int error = certs_load(c, ca, &authority);

    if (!error)
        error = check_authority(c, ca, &authority);
    if (!error && cert)
        error = certs_load(c, cert, &own);
    if (!error && cert)
        error = check_own(c, cert, &own, &authority);
    certs_finish(&authority);
    certs_finish(&own);
    return error;
}

/* The key's password: *password is NULL if there is none. */
static int find_password(struct creds *c, const char **password)
{
    const struct tenon_objects *objects = tenon_query(c->dev, "tenon.objects/1");
    struct tenon_peer peer = { 0 };
    size_t n;

    *password = NULL;
    if (!c->passwordid)
        return 0;
    if (objects)
        peer = objects->find(c->dev, c->passwordid, TENON_SECRET);
    if (!peer.self || !peer.table)
        return tenon_error(c->dev, -ENOENT, "passwordid=%s: there is no secret of that id",
                           c->passwordid);
    *password = (const char *)((const struct tenon_secret *)peer.table)->get(peer.self, &n);
    return 0;
}

static int load_own(struct creds *c, const char *cert, const char *key)
{
    const char *password;
    int error = find_password(c, &password);

    if (error)
        return error;
    error =
        gnutls_certificate_set_x509_key_file2(c->x509, cert, key, GNUTLS_X509_FMT_PEM, password, 0);
    return error < 0 ? tenon_error(c->dev, -EINVAL, "%s, %s: %s", cert, key, gnutls_strerror(error))
                     : 0;
}

static int load_trust(struct creds *c, const char *ca, const char *crl)
{
    int n = gnutls_certificate_set_x509_trust_file(c->x509, ca, GNUTLS_X509_FMT_PEM);

    if (n < 0)
        return tenon_error(c->dev, -EINVAL, "%s: %s", ca, gnutls_strerror(n));
    n = crl ? gnutls_certificate_set_x509_crl_file(c->x509, crl, GNUTLS_X509_FMT_PEM) : 0;
    return n < 0 ? tenon_error(c->dev, -EINVAL, "%s: %s", crl, gnutls_strerror(n)) : 0;
}

int x509_load(struct creds *c)
{
    bool server = c->endpoint == ENDPOINT_SERVER;
    char *ca = creds_file(c, "ca-cert.pem", true);
    char *crl = creds_file(c, "ca-crl.pem", false);
    char *cert = creds_file(c, server ? "server-cert.pem" : "client-cert.pem", server);
    char *key = creds_file(c, server ? "server-key.pem" : "client-key.pem", cert != NULL);
    int error = ca && (!server || cert) && (!cert || key) ? 0 : -ENOENT;

    if (!error && c->sanity_check)
        error = check(c, ca, cert);
    if (!error && gnutls_certificate_allocate_credentials(&c->x509))
        error = tenon_error(c->dev, -ENOMEM, "no memory");
    if (!error)
        error = load_trust(c, ca, crl);
    if (!error && cert)
        error = load_own(c, cert, key);
    if (!error && server && c->dh)
        gnutls_certificate_set_dh_params(c->x509, c->dh);
    else if (!error && server)
        gnutls_certificate_set_known_dh_params(c->x509, GNUTLS_SEC_PARAM_MEDIUM);
    free(ca);
    free(crl);
    free(cert);
    free(key);
    return error;
}

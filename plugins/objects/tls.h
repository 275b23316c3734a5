/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tls - what the credentials of TLS and the sessions that use them share. */
#ifndef TENON_OBJECTS_TLS_H
#define TENON_OBJECTS_TLS_H

#include <gnutls/gnutls.h>

#include <tenon/tls.h>

enum creds_kind { CREDS_X509, CREDS_PSK, CREDS_ANON };
enum { ENDPOINT_CLIENT, ENDPOINT_SERVER };

/* The state of each of the three types. */
struct creds {
    struct tenon_dev *dev;
    const char *dir, *priority_given, *passwordid, *username;
    uint32_t endpoint;
    bool verify_peer, sanity_check;

    enum creds_kind kind;
    gnutls_priority_t priority;
    gnutls_dh_params_t dh; /* NULL: those that GnuTLS knows */
    /* one of these, by kind and endpoint */
    gnutls_certificate_credentials_t x509;
    gnutls_psk_server_credentials_t psk_server;
    gnutls_psk_client_credentials_t psk_client;
    gnutls_anon_server_credentials_t anon_server;
    gnutls_anon_client_credentials_t anon_client;
};

/* Loads what the object names; 0, or what tenon_error() returned. */
int x509_load(struct creds *c);
/* A file in c->dir, to be freed; NULL: it is not there, which is said if it must be. */
char *creds_file(struct creds *c, const char *name, bool must);

extern const struct tenon_tls tls_interface;

#endif

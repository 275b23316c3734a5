/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server - the SPICE server of a machine, and what it waits for. */
#ifndef TENON_SPICE_SERVER_H
#define TENON_SPICE_SERVER_H

#include <spice.h>

#include <tenon/spice.h>
#include <tenon/system.h>

enum { TIMER_NEXT }; /* the earliest of the library's timers */

struct server {
    struct tenon_dev *dev;
    /* as given */
    uint32_t port, tls_port;
    const char *addr, *password, *password_secret, *tls_channels, *plaintext_channels;
    const char *x509_dir, *key_file, *key_password, *cert_file, *cacert_file, *dh_file, *ciphers;
    bool ipv4, ipv6, is_unix, open, no_copy_paste, no_file_xfer;

    const struct tenon_loop *loop;
    SpiceServer *spice;
    bool running;   /* it has been set up: from now on what it says goes to the user */
    char said[200]; /* until then the first line is kept */
    unsigned log;   /* GLib's handler of what it says; 0: none */
    uint64_t spoke; /* when it was last passed on */
    SpiceWatch *watches;
    SpiceTimer *timers;
};

extern const SpiceCoreInterface spice_core;

/* Around each call into the library; leave() gets what enter() returned. */
struct server *spice_enter(struct server *s);
void spice_leave(struct server *before);

/* A client's channel comes, is ready, or goes. */
void server_channel(struct server *s, int event, const SpiceChannelEventInfo *info);

/* The timer TIMER_NEXT has fired; it has to be armed anew. */
void spice_timers_fire(void *self);
void spice_timers_arm(struct server *s);

#endif

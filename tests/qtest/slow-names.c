/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* slow-names - preloaded: a name server that answers after 20 s, for names that begin with "slow".
 */

#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int (*real)(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **list) = dlsym(RTLD_NEXT, "getaddrinfo");

    if (host && !strncmp(host, "slow", 4)) {
        sleep(20);
        return EAI_NONAME;
    }
    return real(host && !strcmp(host, "named") ? "127.0.0.1" : host, port, hints, list);
}

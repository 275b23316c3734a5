/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* authz-pam - lets in whom the account rules of a PAM service (Linux-PAM) let in. */

#include <errno.h>

#include <security/pam_appl.h>

#include <tenon/system.h>
#include <tenon/tls.h>

struct pam {
    struct tenon_dev *dev;
    const char *service;
};

/* There is nobody to ask. */
static int no_conversation(int n, const struct pam_message **messages,
                           struct pam_response **responses, void *arg)
{
    return PAM_CONV_ERR;
}

static bool allows(void *self, const char *identity)
{
    struct pam *p = self;
    const struct pam_conv conversation = { no_conversation, NULL };
    pam_handle_t *handle = NULL;
    int result = pam_start(p->service, identity, &conversation, &handle);

    if (result == PAM_SUCCESS)
        result = pam_acct_mgmt(handle, PAM_SILENT);
    if (handle)
        pam_end(handle, result);
    return result == PAM_SUCCESS;
}

static int pam_create(void *self)
{
    struct pam *p = self;

    return p->service ? 0 : tenon_error(p->dev, -EINVAL, "service is missing");
}

static const struct tenon_authz interface = { sizeof(interface), allows };
static const struct tenon_iface ifaces[] = { { TENON_AUTHZ, &interface } };

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct pam, "service", TENON_STR, service, .help = "name of the service, in /etc/pam.d"),
};
// clang-format on

TENON_OBJECT(pam, "authz-pam", "who may come in, by PAM", .props = TENON_ARRAY(props),
             .ifaces = TENON_ARRAY(ifaces), .create = pam_create);
TENON_PLUGIN(&tenon_type_pam);

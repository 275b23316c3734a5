/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secret - an object that holds a password or a key, for others that ask by its id.
 *
 * With keyid= the data is encrypted: AES-256 in CBC mode (FIPS 197, NIST SP 800-38A), padded as in
 * PKCS #7 (RFC 5652, 6.3), with another secret of 32 bytes as the key.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/aes.h>
#include <nettle/base64.h>
#include <nettle/cbc.h>

#include <tenon/system.h>
#include <tenon/tls.h>

#define SECRET_MAX (1 << 20)

enum { RAW, BASE64 };

struct secret {
    struct tenon_dev *dev;
    const char *data, *file, *keyid, *iv;
    uint32_t format;
    uint8_t *bytes;
    size_t n;
};

/* ---- What was given, as bytes ---- */

static int read_file(struct secret *s)
{
    const struct tenon_files *files = tenon_query(s->dev, "tenon.files/1");
    int fd = files ? files->open(s->dev, s->file, O_RDONLY, 0) : -ENOTSUP;
    struct stat st;
    ssize_t n = 0;

    if (fd < 0)
        return tenon_error(s->dev, fd, "file=%s: %s", s->file, strerror(-fd));
    s->bytes = calloc(1, SECRET_MAX + 1);
    while (s->bytes && s->n < SECRET_MAX && (n = read(fd, s->bytes + s->n, SECRET_MAX - s->n)) > 0)
        s->n += n;
    if (n < 0 || !s->bytes)
        n = tenon_error(s->dev, -errno, "file=%s: %s", s->file, strerror(errno));
    else if (!s->n && !fstat(fd, &st) && S_ISFIFO(st.st_mode))
        n = tenon_error(s->dev, -ENODATA, "file=%s: nobody has written to this pipe", s->file);
    else if (s->n == SECRET_MAX)
        n = tenon_error(s->dev, -EFBIG, "file=%s: is too long for a secret", s->file);
    close(fd);
    return n;
}

static int read_given(struct secret *s)
{
    if (!s->data == !s->file)
        return tenon_error(s->dev, -EINVAL, "takes one of data and file");
    if (s->file)
        return read_file(s);
    s->bytes = (uint8_t *)strdup(s->data);
    if (!s->bytes)
        return tenon_error(s->dev, -ENOMEM, "no memory");
    s->n = strlen(s->data);
    return 0;
}

/* n bytes of text, which may be decoded in place; how many come of it, or -1. */
static ssize_t decode_base64(uint8_t *to, const uint8_t *text, size_t n)
{
    struct base64_decode_ctx ctx;
    size_t got = 0;

    base64_decode_init(&ctx);
    if (!base64_decode_update(&ctx, &got, to, n, (const char *)text) || !base64_decode_final(&ctx))
        return -1;
    return got;
}

static int decode(struct secret *s)
{
    ssize_t n = decode_base64(s->bytes, s->bytes, s->n);

    if (n < 0)
        return tenon_error(s->dev, -EINVAL, "format=base64: the data is not in base64");
    s->n = n;
    s->bytes[n] = 0;
    return 0;
}

/* ---- Decryption ---- */

static const uint8_t *find_key(struct secret *s)
{
    const struct tenon_objects *objects = tenon_query(s->dev, "tenon.objects/1");
    struct tenon_peer peer = { 0 };
    const struct tenon_secret *secret;
    const uint8_t *key = NULL;
    size_t n = 0;

    if (objects)
        peer = objects->find(s->dev, s->keyid, TENON_SECRET);
    secret = peer.table;
    if (peer.self && secret)
        key = secret->get(peer.self, &n);
    if (!key)
        tenon_error(s->dev, -ENOENT, "keyid=%s: there is no secret of that id", s->keyid);
    else if (n != AES256_KEY_SIZE)
        tenon_error(s->dev, -EINVAL, "keyid=%s has %zu bytes; a key has %d", s->keyid, n,
                    AES256_KEY_SIZE);
    return n == AES256_KEY_SIZE ? key : NULL;
}

static int read_iv(struct secret *s, uint8_t iv[AES_BLOCK_SIZE])
{
    uint8_t buf[64];
    size_t n = s->iv ? strlen(s->iv) : 0;

    if (!s->iv)
        return tenon_error(s->dev, -EINVAL, "keyid needs iv");
    if (n > sizeof(buf) || decode_base64(buf, (const uint8_t *)s->iv, n) != AES_BLOCK_SIZE)
        return tenon_error(s->dev, -EINVAL, "iv takes %d bytes in base64", AES_BLOCK_SIZE);
    memcpy(iv, buf, AES_BLOCK_SIZE);
    return 0;
}

/* How many of the n bytes are padding; 0: they are not padded. */
static unsigned padding(const uint8_t *bytes, size_t n)
{
    unsigned pad = n ? bytes[n - 1] : 0;

    if (pad > AES_BLOCK_SIZE || pad > n)
        return 0;
    for (unsigned i = 1; i <= pad; i++)
        if (bytes[n - i] != pad)
            return 0;
    return pad;
}

static int decrypt(struct secret *s)
{
    const uint8_t *key = find_key(s);
    struct CBC_CTX(struct aes256_ctx, AES_BLOCK_SIZE) cbc;
    unsigned pad;

    if (!key || read_iv(s, cbc.iv))
        return -EINVAL;
    if (!s->n || s->n % AES_BLOCK_SIZE)
        return tenon_error(s->dev, -EINVAL, "the encrypted data is not a number of whole blocks");
    aes256_set_decrypt_key(&cbc.ctx, key);
    CBC_DECRYPT(&cbc, aes256_decrypt, s->n, s->bytes, s->bytes);
    explicit_bzero(&cbc, sizeof(cbc));
    pad = padding(s->bytes, s->n);
    if (!pad)
        return tenon_error(s->dev, -EINVAL, "keyid=%s is not the key of this data", s->keyid);
    s->n -= pad;
    s->bytes[s->n] = 0;
    return 0;
}

/* ---- The object ---- */

static int secret_create(void *self)
{
    struct secret *s = self;
    int error;

    if (s->iv && !s->keyid)
        return tenon_error(s->dev, -EINVAL, "iv needs keyid");
    error = read_given(s);
    if (!error && s->format == BASE64)
        error = decode(s);
    if (!error && s->keyid)
        error = decrypt(s);
    return error;
}

static void secret_destroy(void *self)
{
    struct secret *s = self;

    if (s->bytes)
        explicit_bzero(s->bytes, s->n);
    free(s->bytes);
}

static const uint8_t *secret_get(void *self, size_t *len)
{
    struct secret *s = self;

    *len = s->n;
    return s->bytes;
}

static const struct tenon_secret interface = { .size = sizeof(interface), .get = secret_get };
static const struct tenon_iface ifaces[] = { { TENON_SECRET, &interface } };

static const char *const formats[] = { "raw", "base64", NULL };

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct secret, "data",   TENON_STR,  data,   .help = "the secret itself"),
    TENON_PROP(struct secret, "file",   TENON_STR,  file,   .help = "file that holds it"),
    TENON_PROP(struct secret, "format", TENON_ENUM, format, .names = formats,
               .help = "how data or the file is written"),
    TENON_PROP(struct secret, "keyid",  TENON_STR,  keyid,
               .help = "id of a secret of 32 bytes with which it is encrypted (AES-256-CBC)"),
    TENON_PROP(struct secret, "iv",     TENON_STR,  iv,
               .help = "initial vector of the encryption, in base64"),
};
// clang-format on

TENON_OBJECT(secret, "secret", "a password or a key", .props = TENON_ARRAY(props),
             .ifaces = TENON_ARRAY(ifaces), .create = secret_create, .destroy = secret_destroy);
TENON_PLUGIN(&tenon_type_secret);

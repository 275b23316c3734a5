/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * embed - makes a C array of a boot program's image: embed rom|firmware NAME IMAGE > HEADER.
 *
 * An option ROM gets its length and its checksums.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 512, MOST = 65536 };

/* Sets the byte at check so that the sum of len bytes is 0. */
static void balance(uint8_t *p, size_t len, uint8_t *check)
{
    uint8_t sum = 0;

    *check = 0;
    for (size_t i = 0; i < len; i++)
        sum += p[i];
    *check = -sum;
}

static size_t finish_rom(uint8_t *image, size_t len)
{
    size_t blocks = len / BLOCK + 1; /* room for the checksum */
    uint8_t *pnp = image + image[0x1a] + 256 * image[0x1b];

    image[2] = blocks;
    balance(pnp, pnp[5] * 16, pnp + 9);
    balance(image, blocks * BLOCK, image + blocks * BLOCK - 1);
    return blocks * BLOCK;
}

int main(int argc, char **argv)
{
    static uint8_t image[MOST + BLOCK];
    FILE *in = argc == 4 ? fopen(argv[3], "rb") : NULL;
    size_t len;

    if (!in) {
        fprintf(stderr, "embed: embed rom|firmware NAME IMAGE\n");
        return 1;
    }
    len = fread(image, 1, MOST, in);
    fclose(in);
    if (!strcmp(argv[1], "rom"))
        len = finish_rom(image, len);
    printf("static const unsigned char %s[%zu] = {", argv[2], len);
    for (size_t i = 0; i < len; i++)
        printf("%s%u,", i % 24 ? "" : "\n", image[i]);
    printf("\n};\n");
    return 0;
}

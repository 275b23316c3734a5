/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* paths - where the program's own files are: in the build tree it runs from, or where it was
 * installed. */

#include "paths.h"

#include <unistd.h>

#include <glib.h>

#include "options/options.h"

/* Made by the build beside the program, and by nothing else: an installed program never has it. */
#define MARK "plugins-all/.build-tree"

char *path_build_tree(void)
{
    char *self = g_file_read_link("/proc/self/exe", NULL);
    char *dir = self ? g_path_get_dirname(self) : NULL;
    char *mark = dir ? g_build_filename(dir, MARK, NULL) : NULL;

    if (!mark || access(mark, F_OK))
        g_clear_pointer(&dir, g_free);
    g_free(mark);
    g_free(self);
    return dir;
}

static char *choose(const char *in_build_tree, const char *installed, const char *name)
{
    char *tree = path_build_tree();
    char *path = tree ? g_build_filename(tree, in_build_tree, name, NULL)
                      : g_build_filename(installed, name, NULL);

    g_free(tree);
    return path;
}

char *path_plugins(void)
{
    return choose("plugins-all", TENON_PLUGINDIR, NULL);
}

char *path_data(const char *name)
{
    return choose("share", TENON_DATADIR, name);
}

char **path_firmware(const struct config *config)
{
    static const char *const places[] = {
        TENON_DATADIR,     "/usr/share/seabios", "/usr/share/qemu",
        "/usr/share/OVMF", "/usr/lib/ipxe/qemu",
    };
    GPtrArray *dirs = g_ptr_array_new();
    const struct config_group *g = NULL;

    while ((g = config_next(config, "L", g)))
        g_ptr_array_add(dirs, g_strdup(group_string(g, "path", ".")));
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++)
        g_ptr_array_add(dirs, g_strdup(places[i]));
    g_ptr_array_add(dirs, NULL);
    return (char **)g_ptr_array_free(dirs, FALSE);
}

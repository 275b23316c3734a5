/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* paths - where the program's own files are: in the build tree it runs from, or where it was
 * installed. */
#ifndef TENON_CORE_PATHS_H
#define TENON_CORE_PATHS_H

/* The build tree this program was not installed from, or NULL; to be freed. */
char *path_build_tree(void);
/* The folder of plugins, and a file of the program's data ("plugin-packages"); to be freed. */
char *path_plugins(void);
char *path_data(const char *name);

/* The folders that firmware is looked for in, those of -L first; to be freed with g_strfreev(). */
struct config;
char **path_firmware(const struct config *config);

#endif

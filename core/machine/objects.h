/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* objects - what -object makes, besides memory: instances of plugins of kind object. */
#ifndef TENON_CORE_OBJECTS_H
#define TENON_CORE_OBJECTS_H

#include <stdbool.h>

struct config_group;
struct inst;
struct machine;

/* Is the group an object of the core's own, such as memory? */
bool object_is_core(const struct config_group *group);

/* Makes the object of a group; NULL: reported.  [main, locked] */
struct inst *object_create(struct machine *m, const struct config_group *group);

/* Makes those of the command line that use a chardev, or those that do not and that chardevs may
 * use, in order; false: reported.  [main, locked] */
bool objects_create(struct machine *m, bool use_chardevs);

#endif

/* core/plan/path_rules.h -- which paths a file may have below DEST. */
#ifndef CORE_PLAN_PATH_RULES_H
#define CORE_PLAN_PATH_RULES_H

#include <stdbool.h>

/* Why a path is refused, or NULL if it may be used. Reserved paths are left to
 * path_rules_reserved. */
const char *path_rules_fault(const char *path);

/* Why a valid path is reserved, or NULL if it is not. hub: the files are those of a Hub
 * repository, beside which the Hub's library keeps files of its own. */
const char *path_rules_reserved(const char *path, bool hub);

/* As strcmp, with A to Z as a to z. */
int plan_path_compare(const char *a, const char *b);

#endif

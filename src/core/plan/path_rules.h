/* core/plan/path_rules.h -- which paths a file may have below DEST. */
#ifndef CORE_PLAN_PATH_RULES_H
#define CORE_PLAN_PATH_RULES_H

#include <stdbool.h>

/* Why a path is refused, or NULL if it may be used. Says nothing of paths that are
 * refused for their place: path_rules_reserved does. */
const char *path_rules_fault(const char *path);

/* Why a path may not be used although it is a good one, or NULL. hub: the files are a
 * repository's, next to which the Hub's library keeps its own. */
const char *path_rules_reserved(const char *path, bool hub);

/* As strcmp, with A to Z as a to z. */
int plan_path_compare(const char *a, const char *b);

#endif

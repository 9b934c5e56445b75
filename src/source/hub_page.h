/* source/hub_page.h -- what the Hub answers, as values. Trusts nothing: each field is
 * held against its type, and the error says which one is wrong, without the URL. */
#ifndef SOURCE_HUB_PAGE_H
#define SOURCE_HUB_PAGE_H

#include "core/plan/plan.h"

/* The commit in an answer about a revision. */
int hub_page_commit(const char *bytes, size_t len, char commit[41], struct err *err);

/* Call visit for each file on one page of a tree listing. The entry has no key yet, and
 * is valid until visit returns. */
int hub_page_tree(const char *bytes, size_t len,
                  int (*visit)(void *arg, const struct plan_entry *entry,
                               struct err *err),
                  void *arg, struct err *err);

#endif

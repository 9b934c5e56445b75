/* app/option_completion.h -- completion scripts for shells, from the table of options and
 * that of commands. Values that are a path complete as paths, choices as words, others not
 * at all. */
#ifndef APP_OPTION_COMPLETION_H
#define APP_OPTION_COMPLETION_H

#include "base/strbuf.h"

void option_completion_bash(struct strbuf *out);
void option_completion_zsh(struct strbuf *out);
void option_completion_fish(struct strbuf *out);

#endif

/* app/option_hf.h -- the command line of `hf download`, word for word, as one of
 * `mpifetch get`. Options that only `get` has may stand among its own.
 *
 *     hf-download NAME [FILE...] [--local-dir DIR | --cache-dir DIR] [--include P]...
 *     get --hf-cache --include FILE... hf://NAME [DIR]
 *
 * Ownership    all new texts live as long as options.
 * Errors       ERR_USAGE: what `hf download` takes, and cannot be had here. */
#ifndef APP_OPTION_HF_H
#define APP_OPTION_HF_H

#include "app/options.h"

extern const char option_hf_word[]; /* the command: "hf-download" */

/* From argv[2] on. *out is an argv with a NULL at its end. */
int option_hf(struct options *options, int argc, char **argv, int *count, char ***out,
              struct err *err);

#endif

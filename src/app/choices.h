/* app/choices.h -- what rank 0 decides for all ranks: how they fetch and sync, and the modes
 * of what they make. The environments of ranks may differ, and their umasks. */
#ifndef APP_CHOICES_H
#define APP_CHOICES_H

#include "app/session_state.h"

/* Bytes that rank 0 shares, and what another rank makes of them. Returns how many bytes it
 * has used; 0: they are too few. */
void choices_pack(const struct session *s, struct strbuf *bytes);
size_t choices_unpack(struct session *s, const char *bytes, size_t len);

/* The umask of the process, as it was before. */
void choices_restore(const struct session *s);

#endif

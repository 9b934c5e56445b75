/* fetch/engine.h -- creates an HTTP engine (io/http/http.h) with the
 * options of the run. */
#ifndef FETCH_ENGINE_H
#define FETCH_ENGINE_H

#include "io/http/http.h"
#include "ranks/run.h"

int engine_open(struct http **out, const struct run *run, unsigned connections,
                struct err *err);

#endif

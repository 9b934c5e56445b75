/* phase/engine.h -- an HTTP engine with the options of the run. */
#ifndef PHASE_ENGINE_H
#define PHASE_ENGINE_H

#include "io/http.h"
#include "phase/run.h"

int engine_open(struct http **out, const struct run *run, unsigned connections,
                struct err *err);

#endif

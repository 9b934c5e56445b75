/* doctor/report.h -- what the probes found, as text for people and as JSON for programs
 * (fields: docs/doctor.md). */
#ifndef DOCTOR_REPORT_H
#define DOCTOR_REPORT_H

#include "doctor/probe.h"

/* The table, and the advice where DIR could be probed. Appended. */
void doctor_report_text(const struct probe *probe, struct strbuf *out);

/* fault: what the probes ended with; no error in it is success. */
int doctor_report_write(const struct probe *probe, const struct err *fault,
                        double seconds, const char *path, struct err *err);

#endif

/* doctor/exam_report.h -- what an examination found, as text for people and as JSON for
 * programs (fields: docs/doctor.md). Rank 0. */
#ifndef DOCTOR_EXAM_REPORT_H
#define DOCTOR_EXAM_REPORT_H

#include "doctor/exam.h"

/* The table, and the advice where DIR could be examined. Appended. */
void exam_report_text(const struct exam *exam, struct strbuf *out);

/* fault: what the examination came to; no error in it is success. */
int exam_report_write(const struct exam *exam, const struct err *fault, double seconds,
                      const char *path, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h: what `weir doctor` looks at, and what it found. Thread: main. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "weir/options.h"

#include <stddef.h>

enum cli_finding_kind {
    CLI_FINDING_OK,
    CLI_FINDING_WARNING,
    CLI_FINDING_ERROR
};

struct cli_finding {
    const char *check; /* static: "memory" */
    enum cli_finding_kind kind;
    char text[768];
    const char *advice; /* static: what to do; NULL where all is well */
};

enum {
    CLI_FINDINGS_MAX = 64
};

struct cli_doctor {
    const weir_options *options; /* lent */
    struct cli_finding findings[CLI_FINDINGS_MAX];
    size_t count;
    size_t errors;
};

/* The checks, each a noun; what they find is added in their order. */
void cli_doctor_modules(struct cli_doctor *doctor);
void cli_doctor_directories(struct cli_doctor *doctor);
void cli_doctor_memory(struct cli_doctor *doctor);
void cli_doctor_limits(struct cli_doctor *doctor); /* open files, huge pages, clock */
void cli_doctor_jobs(struct cli_doctor *doctor);

void cli_doctor_add(struct cli_doctor *doctor, const char *check, enum cli_finding_kind kind,
                    const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif /* CLI_DOCTOR_H */

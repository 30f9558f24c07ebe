/* SPDX-License-Identifier: Apache-2.0 */
/* serve/body.h: the fields of a request's body, as strictly as Flink reads them. Thread: server. */
#ifndef WR_SERVE_BODY_H
#define WR_SERVE_BODY_H

#include "serve/answer.h"
#include "serve/request.h"

/* One field; text or flag, the other NULL. What is absent or null leaves it as it is. */
struct wr_body_field {
    const char *name;
    const char **text; /* lent: the body's */
    bool *flag;
};

/* `format` is Flink's name of the body. False: a field that is not known or of another type; the
 * answer is filled (400). */
bool wr_body_read(const struct wr_request *request, const char *format,
                  const struct wr_body_field *fields, size_t field_count, struct wr_answer *answer);

#endif /* WR_SERVE_BODY_H */

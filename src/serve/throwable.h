/* SPDX-License-Identifier: Apache-2.0 */
/* serve/throwable.h: a failure as Flink's clients read one. Thread: server.
 *
 *   {"class": name, "stack-trace": "name: words\n", "serialized-throwable": base64 of Java's bytes}
 *
 * Flink's client takes the third field alone: a Java object of class
 * org.apache.flink.util.SerializedThrowable, which it turns into the exception that it shows.
 */
#ifndef WR_SERVE_THROWABLE_H
#define WR_SERVE_THROWABLE_H

#include <jansson.h>

/* Words that are not UTF-8 are shown with '?' in place of what is not ASCII. NULL: no memory. */
json_t *wr_throwable_json(const char *class_name, const char *words);

#endif /* WR_SERVE_THROWABLE_H */

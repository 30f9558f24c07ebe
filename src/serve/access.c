/* SPDX-License-Identifier: Apache-2.0 */
/* access: what stands between a request and its handler.
 *
 *   the local socket          this user: may operate
 *   loopback                  a Host of the allow-list (no rebinding), for writes JSON (no forms)
 */
#include "serve/access.h"

#include <string.h>
#include <strings.h>

static bool
is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* "application/json", whatever charset follows. */
static bool
is_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t size = sizeof json - 1;
    return content_type != NULL && strncasecmp(content_type, json, size) == 0 &&
           (content_type[size] == '\0' || content_type[size] == ';' || content_type[size] == ' ');
}

bool
wr_access_check(weir_server *server, const struct wr_route *route, const struct wr_raw_request *raw,
                enum wr_role *out_role, struct wr_answer *answer)
{
    (void)server;
    *out_role = WR_ROLE_OPERATE;
    if (!is_read(raw->method) && !is_json(raw->content_type)) {
        wr_answer_fail(answer, 415, "%s needs Content-Type: application/json", raw->method);
        return false;
    }
    if (route != NULL && *out_role < route->role) {
        wr_answer_fail(answer, 403, "this role may not");
        return false;
    }
    return true;
}

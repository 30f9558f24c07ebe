/* SPDX-License-Identifier: Apache-2.0 */
/* access: what stands between a request and its handler.
 *
 *   by                   Host (421)      token (401)              role (403)     Content-Type (415)
 *   the local socket     any             none: this user asks     may operate    JSON to write
 *   TCP, no token file   an allowed one  none: loopback only      may operate    JSON to write
 *   TCP, token file      an allowed one  one of the file          as it says     JSON to write
 *
 * The Host keeps names out that a web page's owner made point to this machine. JSON keeps its forms
 * and simple requests out: a browser asks before it sends that type elsewhere, and is never told
 * yes. Flink cancels by a GET as well, which needs it too. Whoever may not ask anything is not told
 * whether a path is there.
 */
#include "serve/access.h"

#include "serve/tokens.h"

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

static enum wr_role
role_of(const weir_server *server, const struct wr_raw_request *raw)
{
    if (raw->is_local || server->tokens == NULL) {
        return WR_ROLE_OPERATE;
    }
    return wr_tokens_role(server->tokens, raw->authorization);
}

bool
wr_access_check(weir_server *server, const struct wr_route *route, const struct wr_raw_request *raw,
                enum wr_role *out_role, struct wr_answer *answer)
{
    enum wr_role needed = route != NULL ? route->role : WR_ROLE_OBSERVE;
    if (!raw->is_local && !wr_settings_allow_host(&server->settings, raw->host)) {
        wr_answer_fail(answer, 421,
                       "Not a name of this server: the Host of a request is localhost, the "
                       "address listened on, rest.address, or one of weir.rest.allowed-hosts");
        return false;
    }
    *out_role = role_of(server, raw);
    if (*out_role == WR_ROLE_NONE && needed != WR_ROLE_NONE) {
        wr_answer_fail(answer, 401, "A token is needed: Authorization: Bearer TOKEN");
        return false;
    }
    if (*out_role < needed) {
        wr_answer_fail(answer, 403, "The role %s may not do this: it needs %s",
                       wr_role_name(*out_role), wr_role_name(needed));
        return false;
    }
    bool writes = route != NULL && (!is_read(raw->method) || needed == WR_ROLE_OPERATE);
    if (writes && !is_json(raw->content_type)) {
        wr_answer_fail(answer, 415, "This %s needs Content-Type: application/json", raw->method);
        return false;
    }
    return true;
}

void
wr_access_record(weir_server *server, const struct wr_route *route,
                 const struct wr_raw_request *raw, unsigned code)
{
    if (route->role != WR_ROLE_OPERATE) {
        return;
    }
    const char *who = raw->is_local            ? "this user"
                      : server->tokens != NULL ? "token of role operate"
                                               : "loopback";
    wr_server_log(server, 'i', "REST: %s %s by %s: %u", route->method, raw->path, who, code);
}

const char *
wr_role_name(enum wr_role role)
{
    switch (role) {
    case WR_ROLE_OBSERVE:
        return "observe";
    case WR_ROLE_READ_STATE:
        return "read-state";
    case WR_ROLE_OPERATE:
        return "operate";
    case WR_ROLE_NONE:
    default:
        return "none";
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* http_module: libweir-http.so, HTTP by libcurl.
 *
 * Only http and https, no redirects, no proxies, no .netrc: a request goes where it was sent, and a
 * token nowhere else. Certificates are always checked. The connection stays open from one request
 * to the next.
 */
#include "http.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_MS = 5000
};

/* An answer as it comes in. */
struct incoming {
    char *body;
    size_t size;
    bool too_large;
};

static size_t
take(char *data, size_t one, size_t count, void *argument)
{
    struct incoming *incoming = argument;
    size_t size = one * count;
    if (size > CLI_HTTP_BODY_MAX - incoming->size) {
        incoming->too_large = true;
        return 0;
    }
    char *grown = realloc(incoming->body, incoming->size + size + 1);
    if (grown == NULL) {
        return 0;
    }
    incoming->body = grown;
    memcpy(grown + incoming->size, data, size);
    incoming->size += size;
    grown[incoming->size] = '\0';
    return size;
}

static void *
http_open(void)
{
    return curl_easy_init();
}

static void
http_close(void *handle)
{
    curl_easy_cleanup(handle);
}

static enum cli_http_result
result_of(CURLcode code)
{
    /* clang-format off */
    switch ((int)code) {
    case CURLE_OK:
        return CLI_HTTP_ANSWERED;
    case CURLE_COULDNT_CONNECT: case CURLE_COULDNT_RESOLVE_HOST:
        return CLI_HTTP_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return CLI_HTTP_TIMEOUT;
    case CURLE_GOT_NOTHING: case CURLE_RECV_ERROR: case CURLE_SEND_ERROR: case CURLE_PARTIAL_FILE:
        return CLI_HTTP_LOST;
    default:
        return CLI_HTTP_REFUSED;
    }
    /* clang-format on */
}

static struct curl_slist *
add_header(struct curl_slist *headers, const char *text, bool *failed)
{
    struct curl_slist *longer = curl_slist_append(headers, text);
    *failed = *failed || longer == NULL;
    return longer != NULL ? longer : headers;
}

/* NULL: no memory. */
static struct curl_slist *
headers_of(const struct cli_http_request *request)
{
    bool failed = false;
    struct curl_slist *headers = add_header(NULL, "Accept: application/json", &failed);
    headers = add_header(headers, "Expect:", &failed);
    if (strcmp(request->method, "GET") != 0) {
        headers = add_header(headers, "Content-Type: application/json", &failed);
    }
    if (request->token != NULL) {
        char text[1100];
        int size = snprintf(text, sizeof text, "Authorization: Bearer %s", request->token);
        failed = failed || size < 0 || (size_t)size >= sizeof text;
        headers = add_header(headers, text, &failed);
    }
    if (failed) {
        curl_slist_free_all(headers);
        return NULL;
    }
    return headers;
}

static void
set_up(CURL *curl, const struct cli_http_request *request)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    if (request->socket != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->socket);
    }
    if (request->ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    }
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
}

static enum cli_http_result
http_ask(void *handle, const struct cli_http_request *request, struct cli_http_answer *out_answer)
{
    CURL *curl = handle;
    struct incoming incoming = { .body = NULL };
    char words[CURL_ERROR_SIZE] = "";
    memset(out_answer, 0, sizeof *out_answer);
    struct curl_slist *headers = headers_of(request);
    if (headers == NULL) {
        snprintf(out_answer->failure, sizeof out_answer->failure, "no memory for a request");
        return CLI_HTTP_REFUSED;
    }
    set_up(curl, request);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &incoming);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out_answer->code);
        out_answer->body = incoming.body != NULL ? incoming.body : calloc(1, 1);
        out_answer->size = incoming.size;
        if (out_answer->body != NULL) {
            return CLI_HTTP_ANSWERED;
        }
        code = CURLE_OUT_OF_MEMORY;
    }
    free(incoming.body);
    snprintf(out_answer->failure, sizeof out_answer->failure, "%s",
             incoming.too_large ? "the answer is larger than 16 MiB"
             : words[0] != '\0' ? words
                                : curl_easy_strerror(code));
    return result_of(code);
}

__attribute__((visibility("default"))) const struct cli_http_table weir_http_module = {
    .magic = CLI_HTTP_MAGIC,
    .version = CLI_HTTP_VERSION,
    .open = http_open,
    .ask = http_ask,
    .close = http_close,
};

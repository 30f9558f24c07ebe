/* SPDX-License-Identifier: Apache-2.0 */
/* settings: from options to what is listened on, and who may be asked for.
 *
 *   address          token file, certificate and key
 *   127/8, ::1       as you like
 *   any other        all three, or nothing starts
 *
 * An address is a number: what a name means is decided elsewhere, and may change.
 */
#include "serve/settings.h"

#include "base/fail.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BIND_ADDRESS  "rest.bind-address"
#define BIND_PORT     "rest.bind-port"
#define CERTIFICATE   "weir.rest.tls.certificate"
#define KEY           "weir.rest.tls.key"
#define TOKEN_FILE    "rest.token-file"
#define ALLOWED_HOSTS "weir.rest.allowed-hosts"

static const struct wr_limits usual_limits = {
    .header_bytes = 16 << 10,
    .body_bytes = 1 << 20,
    .bodies_bytes = 8 << 20,
    .connections = 256,
    .header_ms = 5000,
    .idle_ms = 30000,
};

/* A word of a list, without the blanks around it. */
struct wr_word {
    const char *text;
    int size;
};

static struct wr_word
word_of(const char *text)
{
    return (struct wr_word){ .text = text, .size = (int)strlen(text) };
}

/* The next of a list, and *at behind it; false: there is none. */
static bool
next_word(const char **at, struct wr_word *out_word)
{
    const char *from = *at;
    if (*from == '\0') {
        return false;
    }
    const char *end = from + strcspn(from, ",");
    *at = *end == ',' ? end + 1 : end;
    while (from < end && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (end > from && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    *out_word = (struct wr_word){ .text = from, .size = (int)(end - from) };
    return true;
}

/* --- ports --- */

/* Digits up to `end`; false: it is no port. */
static bool
parse_port(const char **at, const char *end, uint16_t *out_port)
{
    unsigned port = 0;
    const char *from = *at;
    while (*at < end && **at >= '0' && **at <= '9' && port <= UINT16_MAX) {
        port = port * 10 + (unsigned)(**at - '0');
        (*at)++;
    }
    *out_port = (uint16_t)port;
    return *at > from && port <= UINT16_MAX;
}

static bool
parse_range(const struct wr_word *word, struct wr_port_range *out_range)
{
    const char *at = word->text;
    const char *end = word->text + word->size;
    if (!parse_port(&at, end, &out_range->first)) {
        return false;
    }
    out_range->last = out_range->first;
    if (at < end && *at == '-') {
        at++;
        if (!parse_port(&at, end, &out_range->last) || out_range->first == 0) {
            return false;
        }
    }
    return at == end && out_range->first <= out_range->last;
}

static weir_status
read_ports(const weir_options *options, struct wr_settings *settings, weir_error *err)
{
    const char *list = weir_options_text(options, BIND_PORT);
    if (list == NULL) {
        if (weir_options_is_set(options, "rest.port")) {
            uint16_t port = (uint16_t)weir_options_int(options, "rest.port");
            settings->ports[settings->port_count++] = (struct wr_port_range){ port, port };
        }
        return WEIR_OK;
    }
    struct wr_word word;
    for (const char *at = list; next_word(&at, &word);) {
        if (settings->port_count == WR_PORT_RANGES_MAX) {
            return wr_fail(err, WEIR_INVALID, "%s: more than %d ranges of ports", BIND_PORT,
                           WR_PORT_RANGES_MAX);
        }
        if (!parse_range(&word, &settings->ports[settings->port_count++])) {
            return wr_fail(err, WEIR_INVALID,
                           "%s: '%.*s' is neither a port nor a range of ports, as 8081 or "
                           "50100-50200 are",
                           BIND_PORT, word.size, word.text);
        }
    }
    return WEIR_OK;
}

/* --- the address --- */

static bool
is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static weir_status
read_address(const weir_options *options, struct wr_settings *settings, weir_error *err)
{
    const char *text = weir_options_text(options, BIND_ADDRESS);
    if (strcasecmp(text, "localhost") == 0) {
        text = "127.0.0.1";
    }
    char bare[INET6_ADDRSTRLEN + 2];
    size_t size = strlen(text);
    bool in_brackets = size > 2 && text[0] == '[' && text[size - 1] == ']';
    snprintf(bare, sizeof bare, "%.*s", in_brackets ? (int)size - 2 : (int)size,
             in_brackets ? text + 1 : text);
    struct sockaddr_in *four = (struct sockaddr_in *)&settings->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&settings->address;
    if (inet_pton(AF_INET, bare, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        settings->address_size = sizeof *four;
        snprintf(settings->url_host, sizeof settings->url_host, "%s", bare);
    } else if (inet_pton(AF_INET6, bare, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        settings->address_size = sizeof *six;
        snprintf(settings->url_host, sizeof settings->url_host, "[%s]", bare);
    } else {
        return wr_fail(err, WEIR_INVALID,
                       "%s: '%s' is not an address: localhost, or one in numbers as 127.0.0.1 or "
                       "::1",
                       BIND_ADDRESS, text);
    }
    settings->is_loopback = is_loopback(&settings->address);
    return WEIR_OK;
}

/* 0.0.0.0 or ::, where connections to every address of the machine come in. */
static bool
is_any(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        return ((const struct sockaddr_in *)address)->sin_addr.s_addr == INADDR_ANY;
    }
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* --- the names that a Host may have --- */

/* Lower case, without what follows the name; false: too long, or nothing. */
static bool
name_of_host(const char *host, size_t size, char out[WR_HOST_ROOM])
{
    const char *bracket = size > 0 && host[0] == '[' ? memchr(host, ']', size) : NULL;
    const char *colon = bracket != NULL ? bracket + 1 : memchr(host, ':', size);
    if (bracket != NULL && colon < host + size && *colon != ':') {
        return false;
    }
    size_t name_size = colon != NULL ? (size_t)(colon - host) : size;
    if (name_size == 0 || name_size >= WR_HOST_ROOM ||
        (colon != NULL &&
         strspn(colon, ":0123456789") < size - name_size)) { /* nothing but a port */
        return false;
    }
    for (size_t i = 0; i < name_size; i++) {
        out[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 0x20) : host[i];
    }
    out[name_size] = '\0';
    return true;
}

static weir_status
add_host(struct wr_settings *settings, const char *key, struct wr_word name, weir_error *err)
{
    char kept[WR_HOST_ROOM];
    if (settings->host_count == WR_HOSTS_MAX) {
        return wr_fail(err, WEIR_INVALID, "%s: more than %d names", key, WR_HOSTS_MAX);
    }
    if (memchr(name.text, '*', (size_t)name.size) != NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "%s: '%.*s': any name would let any web page's host in; say each", key,
                       name.size, name.text);
    }
    if (!name_of_host(name.text, (size_t)name.size, kept)) {
        return wr_fail(err, WEIR_INVALID,
                       "%s: '%.*s' is not a host's name; an IPv6 address stands in brackets", key,
                       name.size, name.text);
    }
    memcpy(settings->hosts[settings->host_count++], kept, sizeof kept);
    return WEIR_OK;
}

static weir_status
read_hosts(const weir_options *options, struct wr_settings *settings, weir_error *err)
{
    static const char *const usual[] = { "localhost", "127.0.0.1", "[::1]" };
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        WR_TRY(add_host(settings, BIND_ADDRESS, word_of(usual[i]), err));
    }
    const char *client = weir_options_text(options, "rest.address");
    if (client != NULL) {
        WR_TRY(add_host(settings, "rest.address", word_of(client), err));
    }
    if (!is_any(&settings->address)) {
        WR_TRY(add_host(settings, BIND_ADDRESS, word_of(settings->url_host), err));
    } else { /* a URL says where to go: not to every address there is */
        snprintf(settings->url_host, sizeof settings->url_host, "%s",
                 client != NULL ? settings->hosts[settings->host_count - 1] : "localhost");
    }
    const char *list = weir_options_text(options, ALLOWED_HOSTS);
    struct wr_word name;
    for (const char *at = list != NULL ? list : ""; next_word(&at, &name);) {
        WR_TRY(add_host(settings, ALLOWED_HOSTS, name, err));
    }
    return WEIR_OK;
}

/* --- what must hold --- */

static weir_status
check_safe(const weir_options *options, const struct wr_settings *settings, weir_error *err)
{
    if ((settings->certificate == NULL) != (settings->key == NULL)) {
        return wr_fail(err, WEIR_INVALID, "%s is set, %s is not: TLS needs both",
                       settings->certificate != NULL ? CERTIFICATE : KEY,
                       settings->certificate != NULL ? KEY : CERTIFICATE);
    }
    if (settings->is_loopback) {
        return WEIR_OK;
    }
    const char *lacks_token = settings->token_file == NULL ? TOKEN_FILE : "";
    const char *lacks_tls = settings->certificate == NULL ? CERTIFICATE " and " KEY : "";
    if (lacks_token[0] == '\0' && lacks_tls[0] == '\0') {
        return WEIR_OK;
    }
    return wr_fail(err, WEIR_INVALID,
                   "%s (%s): other machines reach %s, so weir listens there only with tokens and "
                   "TLS: set %s%s%s, or use 127.0.0.1",
                   BIND_ADDRESS, weir_options_origin(options, BIND_ADDRESS), settings->url_host,
                   lacks_token, lacks_token[0] != '\0' && lacks_tls[0] != '\0' ? ", " : "",
                   lacks_tls);
}

weir_status
wr_settings_read(const weir_options *options, struct wr_settings *out_settings, weir_error *err)
{
    struct wr_settings settings = {
        .has_socket = weir_options_bool(options, "weir.rest.socket"),
        .token_file = weir_options_text(options, TOKEN_FILE),
        .certificate = weir_options_text(options, CERTIFICATE),
        .key = weir_options_text(options, KEY),
        .shutdown_wait_ms = weir_options_duration_ms(options, "weir.rest.shutdown-wait"),
        .limits = usual_limits,
    };
    WR_TRY(read_ports(options, &settings, err));
    settings.has_port = settings.port_count > 0;
    if (settings.has_port) {
        WR_TRY(read_address(options, &settings, err));
        WR_TRY(check_safe(options, &settings, err));
        WR_TRY(read_hosts(options, &settings, err));
    }
    *out_settings = settings;
    return WEIR_OK;
}

bool
wr_settings_allow_host(const struct wr_settings *settings, const char *host)
{
    char name[WR_HOST_ROOM];
    if (host == NULL || !name_of_host(host, strlen(host), name)) {
        return false;
    }
    for (size_t i = 0; i < settings->host_count; i++) {
        if (strcmp(settings->hosts[i], name) == 0) {
            return true;
        }
    }
    return false;
}

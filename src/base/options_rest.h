/* SPDX-License-Identifier: Apache-2.0 */
/* base/options_rest.h: the rows of the REST server, inside options_table.h's table. Keys and senses
 * are Flink's where Flink has them; but no port is listened on unless one is set. */

HAS("rest.port", INT, NULL, "", "web.port|jobmanager.web.port",
    "Port of the REST server, and the one that clients connect to; without it, and without "
    "rest.bind-port, no port is listened on. 0: any that is free.",
    0, 65535),
    HAS("rest.bind-port", TEXT, NULL, "", "",
        "Ports to try for the REST server, instead of rest.port: \"8081\", \"8081,8083\", "
        "\"50100-50200\".",
        0, 0),
    HAS("rest.address", TEXT, NULL, "", "",
        "Address by which clients reach the REST server; it may stand in a request's Host.", 0, 0),
    HAS("rest.bind-address", TEXT, "127.0.0.1", "", "web.address|jobmanager.web.address",
        "Address that the REST server listens on: localhost, or in numbers. One that other "
        "machines reach needs rest.token-file, weir.rest.tls.certificate and weir.rest.tls.key.",
        0, 0),
    HAS("rest.token-file", TEXT, NULL, "", "",
        "File of mode 0600 with a line \"ROLE TOKEN\" for each token, ROLE being observe, "
        "read-state "
        "or operate; with it every request by TCP needs one of them.",
        0, 0),
    HAS("rest.async.store-duration", DURATION, "5 min", "", "",
        "How long the outcome of a triggered operation can be asked for.", 0, CENTURY_MS),
    HAS("weir.rest.tls.certificate", TEXT, NULL, "", "",
        "Certificate of the REST server, with those that vouch for it, as PEM; with it, TLS 1.3 is "
        "spoken.",
        0, 0),
    HAS("weir.rest.tls.key", TEXT, NULL, "", "",
        "Key of the certificate: PEM, in a file of mode 0600.", 0, 0),
    HAS("weir.rest.allowed-hosts", TEXT, NULL, "", "",
        "Further names, separated by ',', that a request's Host may have; localhost, the address "
        "listened on and rest.address always may.",
        0, 0),
    HAS("weir.rest.savepoint-roots", TEXT, NULL, "", "",
        "Further directories, separated by ',', beneath which clients may write and remove "
        "savepoints; the job's savepoint and checkpoint directories always are.",
        0, 0),
    HAS("weir.rest.socket", BOOL, "true", "", "",
        "Whether `weir run` answers this user's own commands by a local socket.", 0, 0),
    HAS("weir.rest.shutdown-wait", DURATION, "5 s", "", "",
        "Longest time that the REST server stays when the job has ended, for clients that still "
        "have to fetch what became of an operation of theirs.",
        0, 60 * 60 * 1000),

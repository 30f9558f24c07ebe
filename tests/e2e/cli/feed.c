/* SPDX-License-Identifier: Apache-2.0 */
/* feed: a peer for the socket source: feed PORT_FILE TIMES. Listens on a free port of 127.0.0.1,
 * writes its number to PORT_FILE, and gives each of TIMES clients one line of stdin, then closes
 * the connection. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
listen_anywhere(const char *port_file)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    char temporary[4096];
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0 || bind(file, (struct sockaddr *)&address, size) != 0 || listen(file, 4) != 0 ||
        getsockname(file, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    snprintf(temporary, sizeof temporary, "%s.tmp", port_file);
    FILE *out = fopen(temporary, "we");
    if (out == NULL || fprintf(out, "%d\n", ntohs(address.sin_port)) < 0 || fclose(out) != 0 ||
        rename(temporary, port_file) != 0) {
        return -1;
    }
    return file;
}

int
main(int argc, char **argv)
{
    char line[65536];
    int file = argc == 3 ? listen_anywhere(argv[1]) : -1;
    if (file < 0) {
        perror("feed");
        return 1;
    }
    for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--) {
        int peer = accept(file, NULL, NULL);
        if (peer < 0 || fgets(line, sizeof line, stdin) == NULL ||
            write(peer, line, strlen(line)) != (ssize_t)strlen(line)) {
            perror("feed");
            return 1;
        }
        close(peer);
    }
    close(file);
    return 0;
}

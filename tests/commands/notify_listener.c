/* SPDX-License-Identifier: Apache-2.0 */
/* notify_listener SOCKET: a service manager's ear. Binds the datagram socket (a path, or @name),
 * says "listening", then prints each line that comes behind the pid of who sent it, as the kernel
 * tells it. Ends with the pipe that it prints to, or by a signal. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static int
listen_at(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = strlen(name);
    if (size >= sizeof address.sun_path) {
        fprintf(stderr, "notify_listener: %s is too long\n", name);
        exit(1);
    }
    memcpy(address.sun_path, name, size);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int ear = socket(AF_UNIX, SOCK_DGRAM, 0);
    int yes = 1;
    if (ear < 0 || setsockopt(ear, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
        bind(ear, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) != 0) {
        fail(name);
    }
    return ear;
}

static int
sender_of(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(part), sizeof who);
            return (int)who.pid;
        }
    }
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: notify_listener SOCKET\n");
        return 2;
    }
    int ear = listen_at(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("listening");
    for (;;) {
        char text[4096];
        union {
            struct cmsghdr head;
            char room[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct iovec part = { .iov_base = text, .iov_len = sizeof text - 1 };
        struct msghdr message = { .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof control };
        ssize_t size = recvmsg(ear, &message, 0);
        if (size < 0) {
            fail("recvmsg");
        }
        text[size] = '\0';
        int sender = sender_of(&message);
        char *rest = text;
        for (char *line = NULL; (line = strsep(&rest, "\n")) != NULL;) {
            printf("%d %s\n", sender, line);
        }
    }
}

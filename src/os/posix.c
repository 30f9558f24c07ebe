/* SPDX-License-Identifier: Apache-2.0 */
/* posix: the real os: one thin function an entry, all the system calls of weir's libraries.
 *
 * Each returns what the call behind it says: 0 or its errno, short counts and EINTR included. What
 * is more than one call:
 *
 *   rename, !replace   renameat2(RENAME_NOREPLACE); where the file system has none: link and unlink
 *                      for a file; for a directory mkdir of the new name, which claims it, and
 *                      rename over that empty one
 *   connect            tries a host's addresses in turn; a refusal by one of this machine's own
 *                      comes at once, so that "localhost" finds a server that listens on one of
 *                      the two families only
 *   memory_bytes       the least of the machine's memory and the limits of the process's cgroup
 *                      and of all above it, version 2 or 1
 *
 * Threads that weir starts block all signals: those are the host's business.
 */
#include "os/os.h"

#include "base/memory.h"
#include "os/posix_reads.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    SMALL_FILE = 4096,
    FIRST_ANSWER_MS = 100,
    THREAD_NAME_SIZE = 16
};

static int
posix_open(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    (void)os;
    int mode = O_CLOEXEC;
    if ((flags & WR_OPEN_WRITE) != 0) {
        mode |= (flags & WR_OPEN_READ) != 0 ? O_RDWR : O_WRONLY;
    } else {
        mode |= O_RDONLY;
    }
    mode |= (flags & WR_OPEN_CREATE) != 0 ? O_CREAT : 0;
    mode |= (flags & WR_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0;
    mode |= (flags & WR_OPEN_TRUNCATE) != 0 ? O_TRUNC : 0;
    mode |= (flags & WR_OPEN_DIRECT) != 0 ? O_DIRECT : 0;
    mode |= (flags & WR_OPEN_DIRECTORY) != 0 ? O_DIRECTORY : 0;
    int file = open(path, mode, 0666);
    if (file < 0) {
        return errno;
    }
    *out_file = file;
    return 0;
}

static int
posix_close(struct wr_os *os, int file)
{
    (void)os;
    if (close(file) != 0 && errno != EINTR) { /* on Linux the descriptor is gone after EINTR too */
        return errno;
    }
    return 0;
}

/* What read, write and their like gave, as an entry gives it. */
static int
transferred(ssize_t count, size_t *out_size)
{
    if (count < 0) {
        return errno;
    }
    *out_size = (size_t)count;
    return 0;
}

static int
posix_read(struct wr_os *os, int file, void *buffer, size_t size, size_t *out_size)
{
    (void)os;
    return transferred(read(file, buffer, size), out_size);
}

static int
posix_write(struct wr_os *os, int file, const void *data, size_t size, size_t *out_size)
{
    (void)os;
    return transferred(write(file, data, size), out_size);
}

static int
posix_pread(struct wr_os *os, int file, void *buffer, size_t size, uint64_t offset,
            size_t *out_size)
{
    (void)os;
    return transferred(pread(file, buffer, size, (off_t)offset), out_size);
}

static int
posix_pwrite(struct wr_os *os, int file, const void *data, size_t size, uint64_t offset,
             size_t *out_size)
{
    (void)os;
    return transferred(pwrite(file, data, size, (off_t)offset), out_size);
}

static int
posix_truncate(struct wr_os *os, int file, uint64_t size)
{
    (void)os;
    return ftruncate(file, (off_t)size) == 0 ? 0 : errno;
}

static int
posix_sync(struct wr_os *os, int file, bool data_only)
{
    (void)os;
    return (data_only ? fdatasync(file) : fsync(file)) == 0 ? 0 : errno;
}

static int
posix_file_size(struct wr_os *os, int file, uint64_t *out_size)
{
    (void)os;
    struct stat found;
    if (fstat(file, &found) != 0) {
        return errno;
    }
    *out_size = (uint64_t)found.st_size;
    return 0;
}

static int
posix_lock(struct wr_os *os, int file)
{
    (void)os;
    return flock(file, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

static struct wr_os_stat
stat_of(const struct stat *found)
{
    enum wr_os_kind kind = S_ISREG(found->st_mode)   ? WR_OS_FILE
                           : S_ISDIR(found->st_mode) ? WR_OS_DIRECTORY
                                                     : WR_OS_OTHER;
    int64_t modified_ms = (int64_t)found->st_mtim.tv_sec * 1000 + found->st_mtim.tv_nsec / 1000000;
    return (struct wr_os_stat){ .kind = kind,
                                .size = (uint64_t)found->st_size,
                                .modified_ms = modified_ms };
}

static int
posix_stat(struct wr_os *os, const char *path, struct wr_os_stat *out_stat)
{
    (void)os;
    struct stat found;
    if (stat(path, &found) != 0) {
        return errno;
    }
    *out_stat = stat_of(&found);
    return 0;
}

static int
posix_stat_link(struct wr_os *os, const char *path, struct wr_os_stat *out_stat)
{
    (void)os;
    struct stat found;
    if (lstat(path, &found) != 0) {
        return errno;
    }
    *out_stat = stat_of(&found);
    return 0;
}

static int
posix_link(struct wr_os *os, const char *from, const char *to)
{
    (void)os;
    return link(from, to) == 0 ? 0 : errno;
}

/* The rename that does not replace, for file systems that have none. */
static int
rename_by_claim(const char *from, const char *to)
{
    struct stat found;
    if (lstat(from, &found) != 0) {
        return errno;
    }
    if (!S_ISDIR(found.st_mode)) {
        return link(from, to) == 0 && unlink(from) == 0 ? 0 : errno;
    }
    if (mkdir(to, 0777) != 0) {
        return errno;
    }
    if (rename(from, to) != 0) {
        int failure = errno;
        rmdir(to);
        return failure;
    }
    return 0;
}

static int
posix_rename(struct wr_os *os, const char *from, const char *to, bool replace)
{
    (void)os;
    if (replace) {
        return rename(from, to) == 0 ? 0 : errno;
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    return errno == EINVAL || errno == ENOSYS ? rename_by_claim(from, to) : errno;
}

static int
posix_unlink(struct wr_os *os, const char *path)
{
    (void)os;
    return unlink(path) == 0 ? 0 : errno;
}

static int
posix_mkdir(struct wr_os *os, const char *path)
{
    (void)os;
    return mkdir(path, 0777) == 0 ? 0 : errno;
}

static int
posix_rmdir(struct wr_os *os, const char *path)
{
    (void)os;
    return rmdir(path) == 0 ? 0 : errno;
}

static int
posix_list_open(struct wr_os *os, const char *path, struct wr_os_list **out_list)
{
    (void)os;
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return errno;
    }
    *out_list = (struct wr_os_list *)directory;
    return 0;
}

static int
posix_list_next(struct wr_os *os, struct wr_os_list *list, char out_name[WR_OS_NAME_MAX])
{
    (void)os;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir((DIR *)list);
        if (entry == NULL) {
            return errno != 0 ? errno : ENOENT;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            size_t size = strnlen(entry->d_name, WR_OS_NAME_MAX - 1);
            memcpy(out_name, entry->d_name, size);
            out_name[size] = '\0';
            return 0;
        }
    }
}

static void
posix_list_close(struct wr_os *os, struct wr_os_list *list)
{
    (void)os;
    closedir((DIR *)list);
}

/* Starts to connect to one address. `wait`: looks a moment whether it is refused. */
static int
connect_one(const struct addrinfo *address, bool wait, int *out_file)
{
    int file = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                      address->ai_protocol);
    if (file < 0) {
        return errno;
    }
    int on = 1;
    int failure = 0;
    socklen_t size = sizeof failure;
    setsockopt(file, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* so that a dead peer is noticed */
    if (connect(file, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
        failure = errno;
    } else if (wait) {
        struct pollfd ready = { .fd = file, .events = POLLOUT };
        if (poll(&ready, 1, FIRST_ANSWER_MS) == 1 &&
            getsockopt(file, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) {
            failure = errno;
        }
    }
    if (failure != 0) {
        close(file);
        return failure;
    }
    *out_file = file;
    return 0;
}

static int
posix_connect(struct wr_os *os, const char *host, const char *port, int *out_file)
{
    (void)os;
    struct addrinfo wanted = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *addresses = NULL;
    int found = getaddrinfo(host, port, &wanted, &addresses);
    if (found == EAI_SYSTEM) {
        return errno;
    }
    if (found != 0) {
        return found == EAI_MEMORY ? ENOMEM : found == EAI_SERVICE ? EINVAL : EHOSTUNREACH;
    }
    int failure = EHOSTUNREACH;
    for (const struct addrinfo *at = addresses; at != NULL && failure != 0; at = at->ai_next) {
        failure = connect_one(at, at->ai_next != NULL, out_file);
    }
    freeaddrinfo(addresses);
    return failure;
}

static uint64_t
posix_monotonic_ns(struct wr_os *os)
{
    (void)os;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int64_t
posix_wall_ms(struct wr_os *os)
{
    (void)os;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
posix_random(struct wr_os *os, void *buffer, size_t size)
{
    (void)os;
    for (uint8_t *at = buffer; size > 0;) {
        ssize_t count = getrandom(at, size, 0);
        if (count < 0 && errno != EINTR) {
            return errno;
        }
        if (count > 0) {
            at += count;
            size -= (size_t)count;
        }
    }
    return 0;
}

struct wr_os_thread {
    pthread_t handle;
    void (*run)(void *argument);
    void *argument;
    char name[THREAD_NAME_SIZE];
};

static void *
thread_main(void *argument)
{
    const struct wr_os_thread *thread = argument;
    pthread_setname_np(pthread_self(), thread->name);
    thread->run(thread->argument);
    return NULL;
}

static int
posix_thread_start(struct wr_os *os, const char *name, void (*run)(void *argument), void *argument,
                   struct wr_os_thread **out_thread)
{
    (void)os;
    weir_alloc alloc = wr_memory_system();
    struct wr_os_thread *thread = wr_memory_new(&alloc, sizeof *thread);
    if (thread == NULL) {
        return ENOMEM;
    }
    thread->run = run;
    thread->argument = argument;
    snprintf(thread->name, sizeof thread->name, "%s", name);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits it */
    int failure = pthread_create(&thread->handle, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        wr_memory_free(&alloc, thread, sizeof *thread);
        return failure;
    }
    *out_thread = thread;
    return 0;
}

static void
posix_thread_join(struct wr_os *os, struct wr_os_thread *thread)
{
    (void)os;
    weir_alloc alloc = wr_memory_system();
    pthread_join(thread->handle, NULL);
    wr_memory_free(&alloc, thread, sizeof *thread);
}

static void
posix_wait(struct wr_os *os, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
    (void)os;
    struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / 1000000000U),
                                .tv_nsec = (long)(timeout_ns % 1000000000U) };
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

static void
posix_wake(struct wr_os *os, _Atomic uint32_t *word)
{
    (void)os;
    int before = errno; /* a signal handler may call this */
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    errno = before;
}

static unsigned
posix_cpu_count(struct wr_os *os)
{
    (void)os;
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) == 0) {
        return (unsigned)CPU_COUNT(&usable);
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t has bits */
    return online > 0 ? (unsigned)online : 1;
}

/* A small file of the kernel's as text; false: not to be had. */
static bool
read_small_file(const char *path, char text[SMALL_FILE])
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ssize_t size = read(file, text, SMALL_FILE - 1);
    close(file);
    text[size > 0 ? size : 0] = '\0';
    return size > 0;
}

/* The number that `text` begins with; UINT64_MAX where it begins with none ("max"). */
static uint64_t
leading_number(const char *text)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number)) {
            return UINT64_MAX;
        }
    }
    return at != text ? number : UINT64_MAX;
}

/* The least limit of the group at `path` (until the end of its line) and of all above it. */
static uint64_t
group_limit(const char *root, const char *path, const char *file)
{
    char text[SMALL_FILE];
    char name[SMALL_FILE];
    uint64_t least = UINT64_MAX;
    size_t size = strcspn(path, "\n");
    for (;;) {
        while (size > 0 && path[size - 1] == '/') {
            size--;
        }
        int length = snprintf(name, sizeof name, "%s%.*s/%s", root, (int)size, path, file);
        if (length > 0 && length < SMALL_FILE && read_small_file(name, text)) {
            uint64_t limit = leading_number(text);
            least = limit < least ? limit : least;
        }
        if (size == 0) {
            return least;
        }
        while (size > 0 && path[size - 1] != '/') {
            size--;
        }
    }
}

static uint64_t
posix_memory_bytes(struct wr_os *os)
{
    (void)os;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    uint64_t least = pages > 0 ? (uint64_t)pages * (uint64_t)page_size : UINT64_MAX;
    char groups[SMALL_FILE];
    if (!read_small_file("/proc/self/cgroup", groups)) {
        return least;
    }
    /* Lines "0::/path" (version 2) and "7:cpu,memory:/path" (version 1). */
    for (const char *line = groups; line != NULL && *line != '\0';) {
        const char *controllers = strchr(line, ':');
        const char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        uint64_t limit = UINT64_MAX;
        if (path != NULL && path == controllers + 1) {
            limit = group_limit("/sys/fs/cgroup", path + 1, "memory.max");
        } else if (path != NULL) {
            const char *memory = strstr(controllers, "memory");
            if (memory != NULL && memory < path) {
                limit = group_limit("/sys/fs/cgroup/memory", path + 1, "memory.limit_in_bytes");
            }
        }
        least = limit < least ? limit : least;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return least;
}

static uint64_t
posix_resident_bytes(struct wr_os *os)
{
    (void)os;
    char text[SMALL_FILE];
    if (!read_small_file("/proc/self/statm", text)) {
        return 0;
    }
    const char *second = strchr(text, ' ');
    uint64_t pages = second != NULL ? leading_number(second + 1) : UINT64_MAX;
    return pages != UINT64_MAX ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Whatever its threads are at: no destructors, no handlers of the host's. */
static void
posix_process_end(struct wr_os *os, int code, const char *words)
{
    (void)os;
    char line[SMALL_FILE];
    (void)snprintf(line, sizeof line, "weir: error: %s\n", words);
    ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
    (void)ignored;
    _exit(code);
}

static int
posix_process_id(struct wr_os *os)
{
    (void)os;
    return (int)getpid();
}

static int
load_as_named(const char *path, void **out_library, char *words, size_t words_size)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        snprintf(words, words_size, "%s", why != NULL ? why : "no reason given");
        return access(path, R_OK) != 0 ? errno : ENOEXEC;
    }
    *out_library = library;
    return 0;
}

static int
posix_load_module(struct wr_os *os, const char *name, void **out_library, char *words,
                  size_t words_size)
{
    (void)os;
    return load_as_named(name, out_library, words, words_size);
}

static int
posix_load(struct wr_os *os, const char *path, void **out_library, char *words, size_t words_size)
{
    (void)os;
    char here[PATH_MAX];
    if (strchr(path, '/') == NULL) { /* a bare name is a file here, not one of the system's */
        int size = snprintf(here, sizeof here, "./%s", path);
        if (size < 0 || (size_t)size >= sizeof here) {
            snprintf(words, words_size, "the path is too long");
            return ENAMETOOLONG;
        }
        path = here;
    }
    return load_as_named(path, out_library, words, words_size);
}

static void *
posix_symbol(struct wr_os *os, void *library, const char *name)
{
    (void)os;
    return dlsym(library, name);
}

static void
posix_unload(struct wr_os *os, void *library)
{
    (void)os;
    dlclose(library);
}

static int
posix_object_path(struct wr_os *os, const void *address, char *out_path, size_t room)
{
    (void)os;
    Dl_info info;
    if (dladdr(address, &info) == 0 || info.dli_fname == NULL) {
        return ENOENT;
    }
    int size = snprintf(out_path, room, "%s", info.dli_fname);
    return size < 0 || (size_t)size >= room ? ENAMETOOLONG : 0;
}

static const struct wr_os_ops posix_ops = {
    .size = sizeof posix_ops,
    .name = "posix",
    .open = posix_open,
    .close = posix_close,
    .read = posix_read,
    .write = posix_write,
    .pread = posix_pread,
    .pwrite = posix_pwrite,
    .reads_open = wr_posix_reads_open,
    .read_begin = wr_posix_read_begin,
    .read_end = wr_posix_read_end,
    .reads_close = wr_posix_reads_close,
    .truncate = posix_truncate,
    .sync = posix_sync,
    .file_size = posix_file_size,
    .lock = posix_lock,
    .stat = posix_stat,
    .stat_link = posix_stat_link,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .link = posix_link,
    .mkdir = posix_mkdir,
    .rmdir = posix_rmdir,
    .list_open = posix_list_open,
    .list_next = posix_list_next,
    .list_close = posix_list_close,
    .connect = posix_connect,
    .monotonic_ns = posix_monotonic_ns,
    .wall_ms = posix_wall_ms,
    .random = posix_random,
    .thread_start = posix_thread_start,
    .thread_join = posix_thread_join,
    .wait = posix_wait,
    .wake = posix_wake,
    .cpu_count = posix_cpu_count,
    .memory_bytes = posix_memory_bytes,
    .resident_bytes = posix_resident_bytes,
    .process_id = posix_process_id,
    .process_end = posix_process_end,
    .load = posix_load,
    .symbol = posix_symbol,
    .unload = posix_unload,
    .load_module = posix_load_module,
    .object_path = posix_object_path,
};

struct wr_os *
wr_os_posix(void)
{
    static struct wr_os posix = { .ops = &posix_ops };
    return &posix;
}

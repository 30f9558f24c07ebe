/* SPDX-License-Identifier: Apache-2.0 */
/* damage: damages one file of a directory: damage DIRECTORY SEED. A bit flipped, bytes overwritten,
 * a stretch of zeros, the end cut off, or bytes put behind it. Always changes something; says what
 * on stdout. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILES = 256,
    ROOM = 1 << 22
};

static uint64_t random_state;

static uint64_t
draw(uint64_t below)
{
    uint64_t r = random_state += UINT64_C(0x9e3779b97f4a7c15);
    r = (r ^ (r >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    r = (r ^ (r >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (r ^ (r >> 31)) % below;
}

static int
by_name(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static char *
pick_file(const char *directory)
{
    static char *names[FILES];
    size_t count = 0;
    DIR *list = opendir(directory);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        if (entry->d_name[0] != '.' && count < FILES) {
            names[count++] = strdup(entry->d_name);
        }
    }
    if (count == 0) {
        return NULL;
    }
    closedir(list);
    qsort(names, count, sizeof names[0], by_name);
    return names[draw(count)];
}

/* Changes the bytes; answers their new number. */
static size_t
change(unsigned char *bytes, size_t size, char *words, size_t room)
{
    size_t at = (size_t)draw(size);
    size_t count = 1 + (size_t)draw(size - at < 64 ? size - at : 64);
    uint64_t zeros = 0;
    switch (draw(5)) {
    case 0:
        bytes[at] ^= (unsigned char)(1U << draw(8));
        snprintf(words, room, "a bit at %zu", at);
        return size;
    case 1:
        for (size_t i = 0; i < count; i++) {
            bytes[at + i] ^= (unsigned char)(1 + draw(255));
        }
        snprintf(words, room, "%zu bytes at %zu", count, at);
        return size;
    case 2:
        for (size_t i = 0; i < count; i++) {
            zeros += bytes[at + i] == 0;
            bytes[at + i] = 0;
        }
        bytes[at] = zeros == count ? 1 : 0;
        snprintf(words, room, "%zu zeros at %zu", count, at);
        return size;
    case 3:
        snprintf(words, room, "cut at %zu", at);
        return at;
    default:
        memset(bytes + size, 0x5a, count);
        snprintf(words, room, "%zu bytes behind the end", count);
        return size + count;
    }
}

int
main(int argc, char **argv)
{
    static unsigned char bytes[ROOM];
    char path[8192];
    char words[256];
    if (argc != 3) {
        return 2;
    }
    random_state = strtoull(argv[2], NULL, 0);
    const char *name = pick_file(argv[1]);
    snprintf(path, sizeof path, "%s/%s", argv[1], name != NULL ? name : "");
    int file = name != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    ssize_t size = file >= 0 ? read(file, bytes, ROOM - 128) : -1;
    if (size <= 0) {
        perror(path);
        return 1;
    }
    size_t changed = change(bytes, (size_t)size, words, sizeof words);
    if (ftruncate(file, 0) != 0 || pwrite(file, bytes, changed, 0) != (ssize_t)changed) {
        perror(path);
        return 1;
    }
    printf("%s: %s\n", name, words);
    return close(file) == 0 ? 0 : 1;
}

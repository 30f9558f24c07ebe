/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/common_os_sim_inner.h: what the simulated system's own files share. Tests use
 * common_os_sim.h.
 *
 *   common_os_sim_image.c  files and directories as values; a record changes them
 *   common_os_sim_log.c    the log of records, and which sync makes which durable
 *   common_os_sim_files.c  the os table's entries for files: POSIX rules, descriptors, locks
 *   common_os_sim_paths.c  those for directories and names
 *   common_os_sim_world.c  peers, output, libraries
 *   common_os_sim_crash.c  power cuts
 *   common_os_sim.c        life, processes, clock, trace, the table
 */
#ifndef WEIR_TESTS_COMMON_OS_SIM_INNER_H
#define WEIR_TESTS_COMMON_OS_SIM_INNER_H

#include "base/rng.h"
#include "support/common_os_sim.h"

enum {
    SIM_ROOT = 1,
    SIM_SECTOR = 512,
    SIM_TRACE = 64,
    SIM_PATH_MAX = 4096,
    SIM_NAME_MAX = 255
};

/* Memory of the simulation itself: never refused. */
void *sim_new(size_t size); /* zeroed */
void *sim_grow(void *ptr, size_t new_size);
char *sim_copy_text(const char *text, size_t size);

/* An inode has at most one name: the os table knows no hard links. */
struct sim_inode {
    uint32_t id;
    enum wr_os_kind kind;
    uint32_t parent; /* 0: it has no name */
    char *name;
    int64_t modified_ms;
    uint32_t version; /* counts writes and truncations */
    uint8_t *data;
    size_t size;
    size_t capacity;
    uint32_t *children;
    size_t child_count;
    size_t child_capacity;
    /* in a running system only */
    unsigned open_count;
    unsigned deny;
    int deny_error;
    int lock_process; /* 0: not locked */
    int lock_file;
};

struct sim_image {
    struct sim_inode **inodes; /* by id; NULL: gone */
    uint32_t next_id;
    uint32_t capacity;
    uint64_t used_bytes;
};

enum sim_record_kind {
    SIM_RECORD_CREATE,
    SIM_RECORD_MKDIR,
    SIM_RECORD_WRITE,
    SIM_RECORD_TRUNCATE,
    SIM_RECORD_RENAME,
    SIM_RECORD_UNLINK, /* rmdir too */
    SIM_RECORD_SYNC
};

struct sim_record {
    enum sim_record_kind kind;
    uint32_t inode;
    uint32_t directory; /* that holds the name; rename: the old one */
    uint32_t directory_to;
    char *name;      /* rename: the new one */
    char *name_from; /* rename: the old one */
    char *path;      /* words for people; rename: "a -> b" */
    uint64_t offset;
    size_t size; /* of data; truncate: the new size */
    uint8_t *data;
    int64_t at_ms;     /* wall clock */
    size_t durable_at; /* the shortest prefix in which it is durable; SIZE_MAX: none */
    bool synced_from;  /* rename: its directories that were synced since */
    bool synced_to;
};

/* What became of a record after a power cut. */
enum sim_fate_kind {
    SIM_KEEP,
    SIM_DROP,
    SIM_SHORT,
    SIM_ZEROS,
    SIM_GARBAGE,
    SIM_MIXED
};
struct sim_fate {
    enum sim_fate_kind kind;
    size_t size; /* SIM_SHORT: bytes that arrived */
    uint64_t seed;
};

void sim_image_init(struct sim_image *image);
void sim_image_fini(struct sim_image *image);
void sim_image_copy(struct sim_image *to, const struct sim_image *from);
struct sim_inode *sim_image_at(const struct sim_image *image, uint32_t id); /* NULL: gone */
struct sim_inode *sim_image_child(const struct sim_image *image, const struct sim_inode *directory,
                                  const char *name, size_t size);
void sim_image_apply(struct sim_image *image, const struct sim_record *record,
                     const struct sim_fate *fate);
void sim_image_add_copy(struct sim_image *image, uint32_t file, uint32_t directory,
                        const char *name);
void sim_image_release(struct sim_image *image, uint32_t id); /* frees it if nothing holds it */
void sim_image_collect(struct sim_image *image);              /* frees all that no path reaches */
void sim_image_path(const struct sim_image *image, uint32_t id, char *out, size_t size);

/* Where a path ends. */
struct sim_place {
    struct sim_inode *directory; /* NULL with `dots` */
    const char *name;
    size_t name_size;
    struct sim_inode *found; /* NULL: no such name */
    bool slash;              /* it ended in one */
    bool dots;               /* the last name is "/", "." or ".." */
    bool dotdot;
};
int sim_walk(const struct sim_image *image, const char *path, struct sim_place *out);
int sim_lookup(const struct sim_image *image, const char *path, struct sim_inode **out);

enum sim_file_kind {
    SIM_FREE,
    SIM_FILE,
    SIM_SOCKET,
    SIM_STREAM
};
struct sim_file {
    enum sim_file_kind kind;
    unsigned flags;
    uint32_t inode;
    uint64_t offset;
    struct sim_script *script;
    struct sim_output *output; /* of a stream; NULL: nothing is behind it */
};

struct os_sim_process {
    struct wr_os os;
    struct os_sim *sim;
    struct os_sim_process *next;
    int id;
    bool dead;
    int end_code;         /* of the first process_end */
    char end_words[1024]; /* "" : it was not ended */
    struct sim_file *files;
    size_t file_count;
    struct wr_os_list *lists; /* not closed yet */
};

/* One connection to come, or under way. */
struct sim_script {
    struct sim_script *next;
    char *host;
    char *port;
    struct os_sim_peer *steps;
    size_t step_count;
    size_t step;
    size_t done; /* of the step's bytes or waits */
    bool taken;
};

struct sim_library {
    struct sim_library *next;
    char *path;
    struct os_sim_symbol *symbols;
    size_t symbol_count;
};

struct sim_output {
    char *data;
    size_t size;
    size_t capacity;
};

struct sim_event {
    enum os_sim_op op;
    int file;
    const char *path;
    const char *path_to;
    uint64_t offset;
    const void *data;
    size_t size;
    int result;
};

struct sim_trace_line {
    uint64_t number;
    uint64_t at_ns;
    enum os_sim_op op;
    int process;
    int file;
    int result;
    uint64_t offset;
    size_t size;
    char path[120];
};

struct os_sim {
    struct os_sim_config config;
    struct sim_image image;
    struct sim_image base; /* what the log starts from */
    struct sim_record *log;
    size_t log_count;
    size_t log_capacity;
    size_t *pending; /* numbers of records not durable yet */
    size_t pending_count;
    size_t pending_capacity;
    uint64_t covered; /* how often a sync made something durable, or half of a rename */
    struct os_sim_process *processes; /* newest first, dead ones too */
    struct os_sim_process *main;
    int next_process_id;
    uint64_t now_ns;
    int64_t wall_offset_ms;
    uint64_t cost_ns[OS_SIM_OP_COUNT];
    struct wr_rng rng;       /* what the system gives as randomness */
    struct wr_rng clock_rng; /* apart, so that a look at the clock changes no key */
    uint64_t operations;
    uint64_t operations_of[OS_SIM_OP_COUNT];
    uint64_t power_off_at;
    uint64_t moves; /* renames and removals */
    uint64_t trace_hash;
    struct sim_trace_line trace[SIM_TRACE];
    uint64_t trace_count;
    struct sim_script *scripts;
    struct sim_library *libraries;
    struct sim_output output[2];
};

struct os_sim_process *sim_process(struct wr_os *os);
int sim_begin(struct os_sim_process *process,
              enum os_sim_op op); /* EIO: dead, or the power is off */
int sim_end(struct os_sim_process *process, const struct sim_event *event); /* its result */
int64_t sim_wall_ms(const struct os_sim *sim);

/* Takes the record: applies it to the running image and puts it into the log. The record's name and
 * data are lent; `durable`: as if synced at once. */
void sim_commit(struct os_sim *sim, struct sim_record *record, bool durable);
void sim_log_fini(struct os_sim *sim);
void sim_record_words(const struct sim_record *record, char *out, size_t size);

/* The error of the nearest denial at or above the inode; 0: allowed. */
int sim_denied(const struct os_sim *sim, const struct sim_inode *inode, unsigned what);
int sim_create_at(struct os_sim *sim, const struct sim_place *place, enum sim_record_kind kind);
void sim_place_name(const struct sim_place *place, char out[SIM_NAME_MAX + 1]);

void sim_process_drop_files(struct os_sim_process *process);
void sim_process_drop_lists(struct os_sim_process *process);
struct sim_file *sim_file_at(struct os_sim_process *process, int file); /* NULL: EBADF */
int sim_file_new(struct os_sim_process *process, int *out_file);
int sim_socket_read(struct sim_file *file, void *buffer, size_t size, size_t *out_size);
void sim_output_add(struct sim_output *output, const void *data, size_t size);
void sim_world_fini(struct os_sim *sim);
/* A system that goes on from this image (taken), later, with another random sequence. */
struct os_sim *sim_successor(const struct os_sim *sim, struct sim_image *image, uint64_t salt);
void sim_world_copy_libraries(struct os_sim *to, const struct os_sim *from);

/* Entries of the table. */
int sim_open(struct wr_os *os, const char *path, unsigned flags, int *out_file);
int sim_close(struct wr_os *os, int file);
int sim_read(struct wr_os *os, int file, void *buffer, size_t size, size_t *out_size);
int sim_write(struct wr_os *os, int file, const void *data, size_t size, size_t *out_size);
int sim_pread(struct wr_os *os, int file, void *buffer, size_t size, uint64_t offset,
              size_t *out_size);
int sim_pwrite(struct wr_os *os, int file, const void *data, size_t size, uint64_t offset,
               size_t *out_size);
int sim_reads_open(struct wr_os *os, unsigned slots, struct wr_os_reads **out_reads);
int sim_read_begin(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, int file,
                   void *buffer, size_t size, uint64_t offset);
int sim_read_end(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, size_t *out_size);
void sim_reads_close(struct wr_os *os, struct wr_os_reads *reads);
int sim_truncate(struct wr_os *os, int file, uint64_t size);
int sim_sync(struct wr_os *os, int file, bool data_only);
int sim_file_size(struct wr_os *os, int file, uint64_t *out_size);
int sim_lock(struct wr_os *os, int file);
int sim_stat(struct wr_os *os, const char *path, struct wr_os_stat *out_stat);
int sim_rename(struct wr_os *os, const char *from, const char *to, bool replace);
int sim_unlink(struct wr_os *os, const char *path);
int sim_mkdir(struct wr_os *os, const char *path);
int sim_rmdir(struct wr_os *os, const char *path);
int sim_list_open(struct wr_os *os, const char *path, struct wr_os_list **out_list);
int sim_list_next(struct wr_os *os, struct wr_os_list *list, char out_name[WR_OS_NAME_MAX]);
void sim_list_close(struct wr_os *os, struct wr_os_list *list);
int sim_connect(struct wr_os *os, const char *host, const char *port, int *out_file);
int sim_object_path(struct wr_os *os, const void *address, char *out_path, size_t room);
int sim_load(struct wr_os *os, const char *path, void **out_library, char *words,
             size_t words_size);
void *sim_symbol(struct wr_os *os, void *library, const char *name);
void sim_unload(struct wr_os *os, void *library);

#endif /* WEIR_TESTS_COMMON_OS_SIM_INNER_H */

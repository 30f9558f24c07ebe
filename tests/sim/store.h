/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/store.h: what must hold of the checkpoint directory, after every rename and removal.
 *
 *   (1) What is visible as chk-N is whole: its manifest reads, every file it names is there with
 * the length and checksum it says; and stays so while it is visible (I5, I8). (2) Ids of complete
 * checkpoints of a job only grow (I6). (3) The newest complete one of a job goes only when the job
 * is over (I5). (4) A checkpoint that was told to be stored is never lost to a power cut. (5) A job
 * that ended well leaves nothing in `shared` that no checkpoint needs (I8). (6) No committed file
 * is of a checkpoint that was never complete (I7).
 */
#ifndef WEIR_TESTS_SIM_STORE_H
#define WEIR_TESTS_SIM_STORE_H

#include "sim/marks.h"
#include "snapshot/manifest.h"
#include "support/lab.h"

struct store_checkpoint {
    char job_id[WR_JOB_ID_SIZE];
    uint64_t id;
    struct os_sim_place directory;
    struct os_sim_place *files; /* owned */
    size_t file_count;
    bool is_savepoint;
    bool is_drained;
    bool has_in_flight;
    uint32_t parallelism; /* the greatest of its operators' */
};

enum {
    SAVES_MAX = 16
};

struct store_save {
    uint64_t id;
    struct os_sim_place directory;
    struct os_sim_place *files; /* owned */
    size_t file_count;
    char path[200];
    bool is_whole;   /* watched: false once it was claimed or disposed of */
    bool is_told;    /* somebody was told that it is complete */
    bool is_drained; /* it stands behind the end of all input */
    bool is_behind;  /* the job went on from something older, or its attempt was taken over */
    bool has_in_flight;
};

struct store {
    struct lab *lab;
    struct store_checkpoint *checkpoints; /* visible ones */
    size_t count;
    size_t room;
    size_t output_seen;     /* so many committed files were judged */
    uint64_t moves;         /* judged up to here */
    uint64_t highest;       /* complete id of the job, ever */
    uint64_t newest_told;   /* stored, as the coordinator was told */
    uint64_t highest_saved; /* of a savepoint that stopped a job */
    char job_id[WR_JOB_ID_SIZE];
    bool is_after_cut; /* everything is looked at anew */
    bool is_fenced;    /* an attempt steps that was taken over: no checkpoint may become visible */
    struct store_save saves[SAVES_MAX];
    size_t save_count;
    bool may_vanish;      /* the job was told to end with a savepoint: it keeps none */
    bool drained;         /* a savepoint stands behind the end of all input */
    bool partly_finished; /* one that was complete had finished and running subtasks */
};

void store_init(struct store *store, struct lab *lab);
void store_fini(struct store *store);
/* Whose checkpoints may become visible from now on. */
void store_begin_job(struct store *store, const char *job_id);
/* False: lab->words says what is wrong. Costs nothing while no file was moved. */
bool store_look(struct store *store);
/* The power came back: everything is looked at anew. */
bool store_after_cut(struct store *store);
/* The job ended well. */
bool store_at_end(struct store *store);
/* The job has reached its end, and says so. */
bool store_has_finished(const struct store *store);
/* Of the savepoint that its directory says was to end it: complete since it says so. 0: none. */
uint64_t store_marked_id(const struct store *store);
/* With which checkpoint or savepoint; 0: it has not. */
uint64_t store_finished_id(const struct store *store);
const struct store_checkpoint *store_find(const struct store *store, uint64_t id);

/* --- store_saves.c --- */
bool store_look_at_saves(struct store *store);
/* Somebody was told that it is complete. False: it is not there. */
bool store_tell_save(struct store *store, const char *path);
struct store_save *store_find_save(struct store *store, const char *path);
/* By id; NULL: none is visible. */
struct store_save *store_save_of(struct store *store, uint64_t id);
/* It is another's from now on, or was removed or moved: nobody watches it. */
void store_release_save(struct store *store, const char *path);
/* The job goes on from this id (0: from nothing): savepoints beyond it are of another course. */
void store_leave_behind(struct store *store, uint64_t restored_id);
void store_forget_saves(struct store *store);
bool store_saves_after_cut(struct store *store);

/* --- inner --- */
bool store_wrong(struct store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool store_read(struct store *store, const char *directory, struct store_checkpoint *out);

#define STORE_SAVES "/srv/saves"

#endif /* WEIR_TESTS_SIM_STORE_H */

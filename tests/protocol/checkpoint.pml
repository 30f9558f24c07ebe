/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint: the protocol of checkpoints, commits, aborts and dropping, small enough to be searched whole.
 *
 *   source 0 --+--> operator 0 --+
 *              X                 +--> sink        each record goes to operator (record % 2)
 *   source 1 --+--> operator 1 --+
 *
 * Two sources of RECORDS records each, two operators that remember what they have taken, a sink that commits in two
 * phases; up to two checkpoints at a time, a savepoint beside them, one abort, one crash, incremental checkpoints whose
 * files are shared. The code that does the same: runtime/gate.c, runtime/task_checkpoint.c (tasks),
 * checkpoint/coordinator.c, checkpoint/shared_registry.c, connectors/file_pending.c (the sink).
 *
 * Everything that a process kill destroys is reset by CRASH; what lies on disk (complete, snap_*, files, saved,
 * committed) stays. So every process is a loop of steps over globals, and no step keeps anything of its own.
 *
 * Asserted: an operator never takes a record twice; nothing is committed twice; what is complete and what is restored
 * has all its files; at rest nothing lies on disk that no checkpoint needs, older checkpoints are gone, and each
 * savepoint is there unless it was the one that was aborted, or its process died. Every step uses up something that is
 * bounded (records, ids, the abort, the crash), so every run ends, and it must end with all records committed: anything
 * else is a deadlock.
 *
 * Several searches, since one of everything would be too large (CMakeLists.txt has their sizes):
 *   checkpoints  two periodic ones, at a time, an abort and a crash
 *   files        three periodic ones, two at a time, the second of them full: what builds on what
 *   savepoint    two periodic ones and a savepoint; one and a savepoint and an abort, or a crash
 * A savepoint that stops the job commits, and is what a restart goes on from: to this model it is the final checkpoint.
 * A barrier that overtakes records changes where records are kept, not the order of what is asserted here; the
 * simulator and the tests of runtime/gate.c have it.
 *
 * -DMISTAKE=n plants a mistake that the search must find; they are numbered where they are made.
 */
#ifndef MISTAKE
#define MISTAKE 0
#endif

#ifndef RECORDS
#define RECORDS 1
#endif
#ifndef PERIODIC
#define PERIODIC 2
#endif
#ifndef SAVEPOINTS
#define SAVEPOINTS 0
#endif
#ifndef ABORTS
#define ABORTS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef FULL
#define FULL 0               /* the checkpoint that builds on nothing though it could; 0: none */
#endif
#define ALL     ((1 << (2 * RECORDS)) - 1) /* a bit a record */
#define IDS     6            /* checkpoints 1 .. 5 */
#define TASKS   5            /* sources 0 1, operators 2 3, sink 4 */
#define EVERY   31           /* a bit a task */
#define BARRIER 16           /* message: BARRIER + id; less: a record */

/* Channels: source s to operator o is 2 * s + o; operator o to the sink is 4 + o. */
chan channel[6] = [2] of { byte };

/* --- what lies on disk --- */
bool complete[IDS];
byte snap_position[12];      /* id * 2 + source */
byte snap_taken[12];         /* id * 2 + operator */
byte snap_pending[36];       /* id * IDS + transaction: what the sink had pre-committed */
byte snap_files[IDS];        /* bits: files the checkpoint is made of; file i was written by checkpoint i */
byte files;                  /* bits: files that are there */
byte saved;                  /* bits: savepoints, each in a directory of its own */
byte committed;              /* records in committed output: irrevocable */
byte committed_transactions; /* bits: by checkpoint id; ids are never used twice, so this names them */

/* --- what a kill destroys --- */
byte position[2];
byte taken[2];
byte open_transaction;       /* records since the last barrier */
byte pending[IDS];           /* pre-committed, by checkpoint */
byte aligning[TASKS];        /* 0: not */
byte seen[TASKS];            /* bits: inputs whose barrier has come */
byte settled[TASKS];         /* bits: ids whose barriers mean nothing any more */
byte triggers[2];            /* letters to sources: bits of ids */
byte aborts[TASKS];          /* letters: bits of ids */
bool notify;                 /* letter to the sink, the only task that does anything for it */
byte acknowledged[IDS];      /* bits of tasks */
byte under_way;              /* bits: triggered, not complete, not aborted */
byte savepoints;             /* bits: of all ids, those of savepoints */
byte base[IDS];              /* newest checkpoint that tasks had been told of when it was triggered */
byte notifying;              /* id that is complete and not yet notified to all; 0: none */
bool notified;
byte next_files[IDS];        /* what a checkpoint under way will be made of */
byte latest;                 /* newest complete one */
byte notified_id;            /* newest complete one that all were notified of */

/* --- what bounds the search --- */
byte next_id = 1;
byte periodic = PERIODIC;    /* triggers while records are left */
byte savepoints_left = SAVEPOINTS;
byte aborts_left = ABORTS;
byte crashes_left = CRASHES;
byte lost;                   /* bits: savepoints that were declined, or whose process died */

#define bit(n)        (1 << (n))
#define is_under_way(n) ((under_way & bit(n)) != 0)
#define checkpoints_under_way (under_way & ~savepoints)
#define is_checkpoint_under_way(n) ((checkpoints_under_way & bit(n)) != 0)
#define is_savepoint_done(n) (is_under_way(n) && (savepoints & bit(n)) != 0 && is_acknowledged(n))
#define is_checkpoint_done(n) (is_checkpoint_under_way(n) && is_acknowledged(n))
#define under_way_count ((checkpoints_under_way >> 1 & 1) + (checkpoints_under_way >> 2 & 1) + (checkpoints_under_way >> 3 & 1) + (checkpoints_under_way >> 4 & 1) + (checkpoints_under_way >> 5 & 1))
#define drained       (position[0] == RECORDS && position[1] == RECORDS)
#define done          (committed == ALL)

/* What will not be looked at again is cleared, so that the search sees fewer states. */
inline forget_attempt(id)
{
    acknowledged[id] = 0;
    base[id] = 0;
    next_files[id] = 0
}

inline forget_snapshot(id)
{
    snap_files[id] = 0;
    snap_position[id * 2] = 0;
    snap_position[id * 2 + 1] = 0;
    snap_taken[id * 2] = 0;
    snap_taken[id * 2 + 1] = 0;
    snap_pending[id * IDS + 1] = 0;
    snap_pending[id * IDS + 2] = 0;
    snap_pending[id * IDS + 3] = 0;
    snap_pending[id * IDS + 4] = 0;
    snap_pending[id * IDS + 5] = 0
}

/* Drops the files that no complete checkpoint is made of; what one under way has written itself stays. */
inline sweep_files()
{
    needed = checkpoints_under_way;
    i = 1;
    do
    :: i < IDS ->
        if
        :: complete[i] -> needed = needed | snap_files[i]
        :: else
        fi;
        i++
    :: else -> break
    od;
    files = files & needed
}

/* One under way may be made of changes to it: it was triggered before tasks were told of a newer one. */
#if MISTAKE == 4 /* the one under way builds on what is dropped */
#define may_need(id, older) false
#else
#define may_need(id, older) (is_checkpoint_under_way(id) && base[id] <= older)
#endif
#define is_needed(older) (may_need(1, older) || may_need(2, older) || may_need(3, older) || may_need(4, older) || may_need(5, older))

/* Older ones go when a newer one was notified to all, and none under way may need them. */
inline drop_older()
{
    i = 1;
    do
    :: i < notified_id ->
        if
        :: complete[i] && !is_needed(i) -> complete[i] = false; forget_snapshot(i)
        :: else
        fi;
        i++
    :: else -> break
    od;
    sweep_files()
}

inline commit(transaction, records)
{
    if
    :: records != 0 && (committed_transactions & bit(transaction)) == 0 ->
        assert((committed & (records)) == 0);
        committed = committed | (records);
        committed_transactions = committed_transactions | bit(transaction)
    :: else
    fi
}

/* --- tasks --- */

/* The source's barrier goes out behind its records, and its position is in the snapshot. */
proctype source(byte me)
{
end:
    do
    :: atomic { !done && position[me] < RECORDS && nfull(channel[2 * me + (me * RECORDS + position[me]) % 2]) ->
        channel[2 * me + (me * RECORDS + position[me]) % 2] ! me * RECORDS + position[me];
        position[me]++ }
    :: d_step { triggers[me] != 0 && nfull(channel[2 * me]) && nfull(channel[2 * me + 1]) ->
        byte id = 1;
        do
        :: (triggers[me] & bit(id)) == 0 -> id++
        :: else -> break
        od;
        triggers[me] = triggers[me] & ~bit(id);
        channel[2 * me] ! BARRIER + id;
        channel[2 * me + 1] ! BARRIER + id;
        if
        :: is_under_way(id) ->
            snap_position[id * 2 + me] = position[me];
            acknowledged[id] = acknowledged[id] | bit(me)
        :: else
        fi;
        id = 0 }
    od
}

/* What a barrier of `id` at input `input` means to the gate of task `me`. */
inline gate(me, id, input)
{
    if
    :: (settled[me] & bit(id)) != 0 || (aligning[me] != 0 && id < aligning[me]) -> skip
    :: else ->
        if
        :: aligning[me] != 0 && id > aligning[me] -> /* the older one can never be whole here */
            settled[me] = settled[me] | bit(aligning[me]);
            seen[me] = 0
        :: else
        fi;
        aligning[me] = id;
        seen[me] = seen[me] | bit(input)
    fi
}

inline take_letters(me)
{
    settled[me] = settled[me] | aborts[me];
    if
    :: aligning[me] != 0 && (aborts[me] & bit(aligning[me])) != 0 ->
        aligning[me] = 0;
        seen[me] = 0
    :: else
    fi;
    aborts[me] = 0
}

#if MISTAKE == 1 /* a channel whose barrier has come is read on */
#define held(me, input) false
#else
#define held(me, input) (aligning[me] != 0 && (seen[me] & bit(input)) != 0)
#endif

proctype operator(byte o)
{
    byte message;
    byte input;
    byte me = 2 + o;
end:
    do
    :: d_step { len(channel[o]) != 0 && !held(me, 0) && nfull(channel[4 + o]) && seen[me] != 3 ->
        input = 0; channel[o] ? message;
        if
        :: message >= BARRIER -> gate(me, message - BARRIER, input)
        :: else ->
            assert((taken[o] & bit(message)) == 0);
            taken[o] = taken[o] | bit(message);
            channel[4 + o] ! message
        fi; message = 0 }
    :: d_step { len(channel[2 + o]) != 0 && !held(me, 1) && nfull(channel[4 + o]) && seen[me] != 3 ->
        input = 1; channel[2 + o] ? message;
        if
        :: message >= BARRIER -> gate(me, message - BARRIER, input)
        :: else ->
            assert((taken[o] & bit(message)) == 0);
            taken[o] = taken[o] | bit(message);
            channel[4 + o] ! message
        fi; message = 0; input = 0 }
    :: d_step { aligning[me] != 0 && seen[me] == 3 && nfull(channel[4 + o]) ->
        channel[4 + o] ! BARRIER + aligning[me];
        if
        :: is_under_way(aligning[me]) ->
            snap_taken[aligning[me] * 2 + o] = taken[o];
            if /* changes since the newest one that it was told of */
            :: latest != 0 && aligning[me] != FULL && (savepoints & bit(aligning[me])) == 0 ->
                next_files[aligning[me]] = next_files[aligning[me]] | snap_files[latest]
            :: else
            fi;
            acknowledged[aligning[me]] = acknowledged[aligning[me]] | bit(me)
        :: else
        fi;
        settled[me] = settled[me] | bit(aligning[me]);
        aligning[me] = 0;
        seen[me] = 0 }
    :: d_step { aborts[me] != 0 -> take_letters(me) }
    od
}

inline sink_takes(channel_, input_)
{
    channel_ ? message;
    if
    :: message >= BARRIER -> gate(4, message - BARRIER, input_)
    :: else -> open_transaction = open_transaction | bit(message)
    fi;
    message = 0
}

proctype sink()
{
    byte message;
    byte i;
end:
    do
    :: d_step { len(channel[4]) != 0 && !held(4, 0) && seen[4] != 3 -> sink_takes(channel[4], 0) }
    :: d_step { len(channel[5]) != 0 && !held(4, 1) && seen[4] != 3 -> sink_takes(channel[5], 1) }
    :: d_step { aligning[4] != 0 && seen[4] == 3 ->
        pending[aligning[4]] = open_transaction;
        open_transaction = 0;
        i = 1;
        do
        :: i < IDS && is_under_way(aligning[4]) -> snap_pending[aligning[4] * IDS + i] = pending[i]; i++
        :: else -> break
        od;
#if MISTAKE == 2 /* committed when it is only pre-committed */
        commit(aligning[4], pending[aligning[4]]);
#endif
        if
        :: is_under_way(aligning[4]) -> acknowledged[aligning[4]] = acknowledged[aligning[4]] | bit(4)
        :: else
        fi;
        settled[4] = settled[4] | bit(aligning[4]);
        aligning[4] = 0;
        seen[4] = 0;
        i = 0 }
    :: d_step { aborts[4] != 0 -> take_letters(4) }
    :: d_step { notify -> /* everything up to the newest that is complete */
        i = 1;
        do
        :: i <= latest -> commit(i, pending[i]); pending[i] = 0; i++
        :: else -> break
        od;
        notified = true;
        notify = false;
        i = 0 }
    od
}

/* --- the coordinator --- */

/* A trigger that a source has not read yet is taken back: the letters arrive in order. */
inline tell_abort(id)
{
    under_way = under_way & ~bit(id);
    forget_attempt(id);
    forget_snapshot(id);
    triggers[0] = triggers[0] & ~bit(id);
    triggers[1] = triggers[1] & ~bit(id);
    aborts[2] = aborts[2] | bit(id);
    aborts[3] = aborts[3] | bit(id);
    aborts[4] = aborts[4] | bit(id)
}

inline abort(id)
{
    tell_abort(id);
    lost = lost | (savepoints & bit(id));
    drop_older()
}

inline trigger_any()
{
    under_way = under_way | bit(next_id);
    triggers[0] = triggers[0] | bit(next_id);
    triggers[1] = triggers[1] | bit(next_id);
    acknowledged[next_id] = 0;
    next_id++
}

inline trigger()
{
    files = files | bit(next_id);
    next_files[next_id] = bit(next_id);
    base[next_id] = latest;
    trigger_any()
}

inline trigger_savepoint()
{
    savepoints = savepoints | bit(next_id);
    trigger_any()
}

#if MISTAKE == 3 /* complete although the sink has not acknowledged */
#define is_acknowledged(id) ((acknowledged[id] | bit(4)) == EVERY)
#else
#define is_acknowledged(id) (acknowledged[id] == EVERY)
#endif

inline complete_it(id)
{
    under_way = under_way & ~bit(id);
    complete[id] = true;
    snap_files[id] = next_files[id];
    forget_attempt(id);
    latest = id;
    i = 1;
    do
    :: i < id -> /* older ones under way are subsumed */
        if
#if MISTAKE == 7 /* savepoints too */
        :: is_under_way(i) ->
#else
        :: is_checkpoint_under_way(i) ->
#endif
            tell_abort(i)
        :: else
        fi;
        i++
    :: else -> break
    od;
    notifying = id;
    notified = false;
    notify = true;
    drop_older();
    assert((snap_files[id] & ~files) == 0);
    i = 0
}

/* Nothing is committed by it, and it takes the place of no checkpoint. */
inline complete_savepoint(id)
{
    under_way = under_way & ~bit(id);
    saved = saved | bit(id);
    forget_attempt(id);
    forget_snapshot(id);
#if MISTAKE == 8 /* the sink hears of it */
    i = 1;
    do
    :: i <= id -> commit(i, pending[i]); pending[i] = 0; i++
    :: else -> break
    od;
#endif
#if MISTAKE == 9 /* it counts as the newest of those that are retained */
    if
    :: notified_id != 0 -> notified_id = id
    :: else
    fi;
#endif
    drop_older()
}

/* The process is killed and started again: back to the newest complete checkpoint, or to the beginning. */
inline restart()
{
    i = 0;
    do
    :: i < 6 ->
        do
        :: len(channel[i]) != 0 -> channel[i] ? j
        :: else -> break
        od;
        i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < TASKS -> aligning[i] = 0; seen[i] = 0; settled[i] = 0; aborts[i] = 0; i++
    :: else -> break
    od;
    lost = lost | (savepoints & under_way);
    notified_id = 0;
    under_way = 0; notifying = 0; notified = false; notify = false; open_transaction = 0; triggers[0] = 0; triggers[1] = 0;
    latest = 0;
    i = 1;
    do
    :: i < IDS ->
        pending[i] = 0;
        forget_attempt(i);
        if
        :: complete[i] -> latest = i
        :: else -> forget_snapshot(i)
        fi;
        i++
    :: else -> break
    od;
    sweep_files();
    if
    :: latest == 0 -> position[0] = 0; position[1] = 0; taken[0] = 0; taken[1] = 0
    :: else ->
        assert((snap_files[latest] & ~files) == 0);
        position[0] = snap_position[latest * 2];
        position[1] = snap_position[latest * 2 + 1];
        taken[0] = snap_taken[latest * 2];
        taken[1] = snap_taken[latest * 2 + 1];
#if MISTAKE != 5 /* what was pre-committed in the restored checkpoint is forgotten */
        i = 1;
        do
        :: i <= latest -> commit(i, snap_pending[latest * IDS + i]); i++
        :: else -> break
        od
#endif
    fi;
    i = 0; j = 0
}

proctype coordinator()
{
    byte i;
    byte j;
    byte id;
    byte needed;
    bool ended = false;
    do
    /* periodic; two at most under way */
    :: d_step { !done && periodic != 0 && under_way_count < 2 && next_id < IDS -> periodic--; trigger() }
#if SAVEPOINTS != 0
    :: d_step { !done && savepoints_left != 0 && next_id < IDS - 1 -> savepoints_left--; trigger_savepoint() }
#endif
    /* the final one, as often as it is needed */
    :: d_step { !done && periodic == 0 && drained && under_way == 0 && notifying == 0 && next_id < IDS -> trigger() }
    :: d_step { notifying == 0 && is_checkpoint_done(1) -> complete_it(1); needed = 0 }
#if SAVEPOINTS != 0
    :: d_step { is_savepoint_done(1) -> complete_savepoint(1); i = 0; needed = 0 }
#endif
    :: d_step { notifying == 0 && is_checkpoint_done(2) -> complete_it(2); needed = 0 }
#if SAVEPOINTS != 0
    :: d_step { is_savepoint_done(2) -> complete_savepoint(2); i = 0; needed = 0 }
#endif
    :: d_step { notifying == 0 && is_checkpoint_done(3) -> complete_it(3); needed = 0 }
#if SAVEPOINTS != 0
    :: d_step { is_savepoint_done(3) -> complete_savepoint(3); i = 0; needed = 0 }
#endif
    :: d_step { notifying == 0 && is_checkpoint_done(4) -> complete_it(4); needed = 0 }
#if SAVEPOINTS != 0
    :: d_step { is_savepoint_done(4) -> complete_savepoint(4); i = 0; needed = 0 }
#endif
    :: d_step { notifying == 0 && is_checkpoint_done(5) -> complete_it(5); needed = 0 }
#if SAVEPOINTS != 0
    :: d_step { is_savepoint_done(5) -> complete_savepoint(5); i = 0; needed = 0 }
#endif
    :: d_step { notifying != 0 && notified ->
        notified_id = notifying;
        drop_older();
        notifying = 0; notified = false; i = 0; needed = 0 }
#if MISTAKE == 6 /* the older one goes when the newer is triggered */
    :: d_step { latest != 0 && under_way != 0 && complete[latest] -> complete[latest] = false; sweep_files(); i = 0; needed = 0 }
#endif
    :: d_step { aborts_left != 0 && under_way != 0 ->
        aborts_left--;
        id = 1;
        do
        :: !is_under_way(id) -> id++
        :: else -> break
        od;
        abort(id);
        id = 0; i = 0; needed = 0 }
    :: d_step { crashes_left != 0 && !done -> crashes_left--; restart(); needed = 0 }
    /* the end: wait there */
    :: d_step { done && notifying == 0 && under_way == 0 && !ended ->
        needed = files; j = needed; sweep_files(); assert(files == j);
        i = 1;
        do
        :: i < notified_id -> assert(!complete[i]); i++
        :: else -> break
        od;
        assert(((saved | lost) & savepoints) == savepoints);
        ended = true; i = 0; j = 0; needed = 0 }
    :: ended ->
end:
        false
    od
}

active proctype job()
{
    atomic {
        run source(0);
        run source(1);
        run operator(0);
        run operator(1);
        run sink();
        run coordinator()
    }
}

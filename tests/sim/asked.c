/* SPDX-License-Identifier: Apache-2.0 */
/* asked: requests of one attempt, from asking to their answer. */
#include "sim/asked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static weir_status
trigger(struct lab_life *life, enum asked_kind kind, uint64_t draw, uint64_t *out_request,
        weir_error *err)
{
    weir_job *job = lab_job_of(life);
    if (kind == ASKED_CHECKPOINT) {
        return weir_job_trigger_checkpoint(job, (weir_checkpoint_type)(1 + draw % 3), out_request,
                                           err);
    }
    weir_savepoint_parameters parameters = { .size = sizeof parameters,
                                             .directory = STORE_SAVES,
                                             .stop = kind == ASKED_STOP || kind == ASKED_DRAIN,
                                             .drain = kind == ASKED_DRAIN,
                                             .cancel = kind == ASKED_CANCEL };
    return weir_job_trigger_savepoint(job, &parameters, out_request, err);
}

bool
asked_ask(struct asked_list *list, struct store *store, struct lab_life *life, enum asked_kind kind,
          uint64_t draw)
{
    weir_error error = { .status = WEIR_OK };
    uint64_t request = 0;
    if (list->count == ASKED_MAX) {
        return true;
    }
    weir_status status = trigger(life, kind, draw, &request, &error);
    lab_wake(life);
    if (status != WEIR_OK) {
        return error.message[0] != '\0' ||
               store_wrong(store, "a request was refused without words");
    }
    list->asked[list->count++] =
        (struct asked){ .kind = kind, .request = request, .state = WEIR_REQUEST_IN_PROGRESS };
    list->open++;
    return true;
}

static bool
take_answer(struct asked *asked, struct store *store, const weir_request_report *report)
{
    asked->state = report->state;
    asked->checkpoint_id = report->checkpoint_id;
    if (report->state == WEIR_REQUEST_FAILED) {
        return report->error.message[0] != '\0' ||
               store_wrong(store, "request %" PRIu64 " failed without words", asked->request);
    }
    if (asked->kind == ASKED_CHECKPOINT) {
        return true;
    }
    snprintf(asked->path, sizeof asked->path, "%.199s", report->path);
    return store_tell_save(store, asked->path);
}

bool
asked_look(struct asked_list *list, struct store *store, struct lab_life *life, bool ended)
{
    for (unsigned i = 0; list->open != 0 && i < list->count; i++) {
        struct asked *asked = &list->asked[i];
        weir_request_report report = { .size = sizeof report };
        if (asked->state != WEIR_REQUEST_IN_PROGRESS) {
            continue;
        }
        weir_status status = weir_job_request_wait(lab_job_of(life), asked->request, 0, &report);
        if (status != WEIR_OK && status != WEIR_TIMEOUT) {
            return store_wrong(store, "request %" PRIu64 " is not known: %d", asked->request,
                               (int)status);
        }
        if (report.state != WEIR_REQUEST_IN_PROGRESS && status == WEIR_OK) {
            list->open--;
            if (!take_answer(asked, store, &report)) {
                return false;
            }
        } else if (ended) {
            return store_wrong(store, "request %" PRIu64 " was never answered", asked->request);
        }
    }
    return true;
}

const struct asked *
asked_last(const struct asked_list *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        const struct asked *asked = &list->asked[i];
        if (asked->state == WEIR_REQUEST_COMPLETED && asked->kind >= ASKED_STOP) {
            return asked;
        }
    }
    return NULL;
}

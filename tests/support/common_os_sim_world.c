/* SPDX-License-Identifier: Apache-2.0 */
/* world: what is outside the process but for files: scripted peers, captured output, libraries. */
#include "support/common_os_sim_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
os_sim_listen(struct os_sim *sim, const char *host, const char *port,
              const struct os_sim_peer *script, size_t count)
{
    struct sim_script *added = sim_new(sizeof *added);
    added->host = sim_copy_text(host, strlen(host));
    added->port = sim_copy_text(port, strlen(port));
    added->steps = sim_new(count * sizeof *added->steps);
    added->step_count = count;
    for (size_t i = 0; i < count; i++) {
        added->steps[i] = script[i];
        if (script[i].kind == OS_SIM_PEER_DATA) {
            added->steps[i].data = sim_copy_text(script[i].data, script[i].size);
        }
    }
    struct sim_script **end = &sim->scripts;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = added;
}

static int
connect_next(struct os_sim_process *process, const char *host, const char *port, int *out_file)
{
    struct sim_script *script = process->sim->scripts;
    while (script != NULL &&
           (script->taken || strcmp(script->host, host) != 0 || strcmp(script->port, port) != 0)) {
        script = script->next;
    }
    if (script == NULL) {
        return ECONNREFUSED;
    }
    int file = -1;
    int result = sim_file_new(process, &file);
    if (result != 0) {
        return result;
    }
    script->taken = true;
    if (script->step_count > 0 && script->steps[0].kind == OS_SIM_PEER_REFUSE) {
        return ECONNREFUSED;
    }
    process->files[file] = (struct sim_file){ .kind = SIM_SOCKET, .script = script };
    *out_file = file;
    return 0;
}

int
sim_connect(struct wr_os *os, const char *host, const char *port, int *out_file)
{
    struct os_sim_process *process = sim_process(os);
    int file = -1;
    int result = sim_begin(process, OS_SIM_CONNECT);
    if (result == 0) {
        result = connect_next(process, host, port, &file);
    }
    if (result == 0) {
        *out_file = file;
    }
    return sim_end(
        process,
        &(struct sim_event){
            .op = OS_SIM_CONNECT, .file = file, .path = host, .path_to = port, .result = result });
}

int
sim_socket_read(struct sim_file *file, void *buffer, size_t size, size_t *out_size)
{
    struct sim_script *script = file->script;
    while (script->step < script->step_count) {
        const struct os_sim_peer *step = &script->steps[script->step];
        bool counted = step->kind == OS_SIM_PEER_DATA || step->kind == OS_SIM_PEER_WAIT;
        if (counted && script->done == step->size) {
            script->step++;
            script->done = 0;
            continue;
        }
        switch (step->kind) {
        case OS_SIM_PEER_DATA:
            *out_size = step->size - script->done < size ? step->size - script->done : size;
            memcpy(buffer, (const char *)step->data + script->done, *out_size);
            script->done += *out_size;
            return 0;
        case OS_SIM_PEER_WAIT:
            script->done++;
            return EAGAIN;
        case OS_SIM_PEER_CLOSE:
            *out_size = 0;
            return 0;
        case OS_SIM_PEER_REFUSE:
            return ECONNREFUSED;
        case OS_SIM_PEER_RESET:
        default:
            return ECONNRESET;
        }
    }
    return EAGAIN;
}

void
sim_output_add(struct sim_output *output, const void *data, size_t size)
{
    if (output->size + size + 1 > output->capacity) {
        output->capacity = (output->size + size + 1) * 2;
        output->data = sim_grow(output->data, output->capacity);
    }
    memcpy(output->data + output->size, data, size);
    output->size += size;
    output->data[output->size] = '\0';
}

const char *
os_sim_output(const struct os_sim *sim, int file, size_t *out_size)
{
    const struct sim_output *output = &sim->output[file == WR_OS_STDERR ? 1 : 0];
    if (out_size != NULL) {
        *out_size = output->size;
    }
    return output->data == NULL ? "" : output->data;
}

void
os_sim_output_clear(struct os_sim *sim)
{
    for (int i = 0; i < 2; i++) {
        free(sim->output[i].data);
        sim->output[i] = (struct sim_output){ .data = NULL };
    }
}

void
os_sim_library(struct os_sim *sim, const char *path, const struct os_sim_symbol *symbols,
               size_t count)
{
    struct sim_library *library = sim_new(sizeof *library);
    library->path = sim_copy_text(path, strlen(path));
    library->symbols = sim_new(count * sizeof *symbols);
    if (count > 0) {
        memcpy(library->symbols, symbols, count * sizeof *symbols);
    }
    library->symbol_count = count;
    library->next = sim->libraries;
    sim->libraries = library;
}

int
sim_load(struct wr_os *os, const char *path, void **out_library, char *words, size_t words_size)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_LOAD);
    struct sim_library *library = process->sim->libraries;
    while (result == 0 && library != NULL && strcmp(library->path, path) != 0) {
        library = library->next;
    }
    if (result == 0 && library == NULL) {
        result = ENOENT;
    }
    if (result == 0) {
        *out_library = library;
    } else if (words_size > 0) {
        snprintf(words, words_size, "%s: cannot open shared object file: %s", path,
                 strerror(result));
    }
    return sim_end(process, &(struct sim_event){
                                .op = OS_SIM_LOAD, .file = -1, .path = path, .result = result });
}

void *
sim_symbol(__attribute__((unused)) struct wr_os *os, void *library, const char *name)
{
    const struct sim_library *loaded = library;
    for (size_t i = 0; i < loaded->symbol_count; i++) {
        if (strcmp(loaded->symbols[i].name, name) == 0) {
            return loaded->symbols[i].address;
        }
    }
    return NULL;
}

void
sim_unload(__attribute__((unused)) struct wr_os *os, __attribute__((unused)) void *library)
{
}

int
sim_object_path(__attribute__((unused)) struct wr_os *os,
                __attribute__((unused)) const void *address, __attribute__((unused)) char *out_path,
                __attribute__((unused)) size_t room)
{
    return ENOENT;
}

void
sim_world_copy_libraries(struct os_sim *to, const struct os_sim *from)
{
    for (const struct sim_library *at = from->libraries; at != NULL; at = at->next) {
        os_sim_library(to, at->path, at->symbols, at->symbol_count);
    }
}

static void
script_free(struct sim_script *script)
{
    for (size_t i = 0; i < script->step_count; i++) {
        if (script->steps[i].kind == OS_SIM_PEER_DATA) {
            char *data = NULL;
            memcpy(&data, &script->steps[i].data, sizeof data); /* ours: copied by os_sim_listen */
            free(data);
        }
    }
    free(script->steps);
    free(script->host);
    free(script->port);
    free(script);
}

void
sim_world_fini(struct os_sim *sim)
{
    while (sim->scripts != NULL) {
        struct sim_script *script = sim->scripts;
        sim->scripts = script->next;
        script_free(script);
    }
    while (sim->libraries != NULL) {
        struct sim_library *library = sim->libraries;
        sim->libraries = library->next;
        free(library->symbols);
        free(library->path);
        free(library);
    }
    os_sim_output_clear(sim);
}

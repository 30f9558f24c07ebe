/* SPDX-License-Identifier: Apache-2.0 */
/* plan: a job's plan as Flink's clients draw it.
 *
 *   a vertex is a node; its description a tree of its chain, in HTML:
 *
 *     sum<br/>+- check<br/>   +- Sink: dropped<br/>
 */
#include "serve/plan.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "serve/look.h"

/* What a browser shows as text. */
static void
put_escaped(struct wr_buffer *text, const char *name)
{
    for (; *name != '\0'; name++) {
        switch (*name) {
        case '&':
            wr_buffer_print(text, "&amp;");
            break;
        case '<':
            wr_buffer_print(text, "&lt;");
            break;
        case '>':
            wr_buffer_print(text, "&gt;");
            break;
        case '"':
            wr_buffer_print(text, "&quot;");
            break;
        case '\\':
            wr_buffer_print(text, "&#92;");
            break;
        default:
            wr_buffer_put(text, name, 1);
        }
    }
}

static json_t *
description(const weir_vertex_view *vertex)
{
    struct wr_buffer text;
    weir_alloc alloc = wr_memory_system();
    wr_buffer_init(&text, &alloc);
    for (uint32_t i = 0; i < vertex->operator_count; i++) {
        bool is_last = i + 1 == vertex->operator_count;
        wr_buffer_print(&text, "%*s%s%s", i > 1 ? (int)(i - 1) * 3 : 0, "", i > 0 ? "+- " : "",
                        i == 0 && vertex->is_source  ? "Source: "
                        : is_last && vertex->is_sink ? "Sink: "
                                                     : "");
        put_escaped(&text, vertex->operators[i].name);
        wr_buffer_print(&text, "<br/>");
    }
    wr_buffer_put(&text, "", 1);
    json_t *value = text.refused ? NULL : wr_json_text((const char *)text.data);
    wr_buffer_fini(&text);
    return value;
}

/* NULL: no memory. */
static json_t *
inputs(const weir_job_view *view, uint32_t vertex)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < view->edge_count && all != NULL; i++) {
        const weir_edge_view *edge = &view->edges[i];
        if (edge->to != vertex) {
            continue;
        }
        json_t *input = json_pack("{s:i,s:s,s:s,s:s}", "num", (int)json_array_size(all), "id",
                                  view->vertices[edge->from].id, "ship_strategy", edge->ship,
                                  "exchange", "pipelined_bounded");
        if (json_array_append_new(all, input) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    return all;
}

static json_t *
node(const weir_job_view *view, uint32_t index)
{
    const weir_vertex_view *vertex = &view->vertices[index];
    json_t *value = json_pack("{s:s,s:i,s:s,s:s,s:o,s:{}}", "id", vertex->id, "parallelism",
                              (int)vertex->parallelism, "operator", "", "operator_strategy", "",
                              "description", description(vertex), "optimizer_properties");
    if (value != NULL && !vertex->is_source &&
        json_object_set_new(value, "inputs", inputs(view, index)) != 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

json_t *
wr_plan_json(const weir_job_view *view)
{
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < view->vertex_count && nodes != NULL; i++) {
        if (json_array_append_new(nodes, node(view, i)) != 0) {
            json_decref(nodes);
            nodes = NULL;
        }
    }
    return json_pack("{s:s,s:o,s:s,s:o}", "jid", view->id, "name", wr_json_text(view->name), "type",
                     "STREAMING", "nodes", nodes);
}

void
wr_plan(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200, json_pack("{s:o}", "plan", wr_plan_json(view)));
        weir_job_view_free(view);
    }
}

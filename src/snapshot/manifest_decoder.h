/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/manifest_decoder.h: what the parts of the manifest's reader share: where it stands, and
 * how pieces are taken. For manifest_decode*.c alone. Thread: any.
 */
#ifndef WR_SNAPSHOT_MANIFEST_DECODER_H
#define WR_SNAPSHOT_MANIFEST_DECODER_H

#include "snapshot/manifest_format.h"
#include "types/encode.h"

struct wr_manifest_decoder {
    struct wr_manifest *manifest; /* what is made stands in its arena */
    const char *path;
    struct wr_cursor cursor; /* over the section */
    size_t section_at;       /* its place in the whole */
    weir_alloc type_alloc;
    uint32_t version; /* of the section */
    weir_error *err;
};

/* WEIR_CORRUPT, with the file and the offset. */
weir_status wr_decoder_fail_malformed(struct wr_manifest_decoder *decoder, const char *words);
/* WEIR_NOMEM. */
weir_status wr_decoder_fail_memory(struct wr_manifest_decoder *decoder);

weir_status wr_decoder_text(struct wr_manifest_decoder *decoder, const char **out_text);
/* 32 hex digits. */
weir_status wr_decoder_id(struct wr_manifest_decoder *decoder, char out_id[WR_JOB_ID_SIZE]);
weir_status wr_decoder_type(struct wr_manifest_decoder *decoder, const weir_type **out_type);
/* A count of things that take `size_min` bytes each, and zeroed memory for so many of `size` bytes.
 */
weir_status wr_decoder_array(struct wr_manifest_decoder *decoder, size_t size_min, size_t size,
                             uint32_t *out_count, void **out_array);

/* The payload of a section OPERATOR. */
weir_status wr_manifest_decode_operator(struct wr_manifest_decoder *decoder,
                                        struct wr_manifest_operator *op);

#endif /* WR_SNAPSHOT_MANIFEST_DECODER_H */

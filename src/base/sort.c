/* SPDX-License-Identifier: Apache-2.0 */
/* sort: heapsort. The front of the array is a heap with its greatest item first; behind it grows
 * the sorted rest.
 *
 *   | heap: item 0 is the greatest ... left-1 | left: sorted, all at or above the heap |
 */
#include "base/sort.h"

#include <stdint.h>

struct heap {
    uint8_t *items;
    size_t size;
    int (*compare)(const void *one, const void *other, void *argument);
    void *argument;
};

static uint8_t *
at(const struct heap *heap, size_t index)
{
    return heap->items + index * heap->size;
}

static void
swap(const struct heap *heap, size_t one, size_t other)
{
    uint8_t *left = at(heap, one);
    uint8_t *right = at(heap, other);
    for (size_t i = 0; i < heap->size; i++) {
        uint8_t byte = left[i];
        left[i] = right[i];
        right[i] = byte;
    }
}

static void
sift_down(const struct heap *heap, size_t root, size_t count)
{
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count &&
            heap->compare(at(heap, child), at(heap, child + 1), heap->argument) < 0) {
            child++;
        }
        if (heap->compare(at(heap, root), at(heap, child), heap->argument) >= 0) {
            return;
        }
        swap(heap, root, child);
        root = child;
    }
}

void
wr_sort(void *items, size_t count, size_t size,
        int (*compare)(const void *one, const void *other, void *argument), void *argument)
{
    const struct heap heap = { items, size, compare, argument };
    for (size_t root = count / 2; root > 0; root--) {
        sift_down(&heap, root - 1, count);
    }
    for (size_t left = count; left > 1; left--) {
        swap(&heap, 0, left - 1);
        sift_down(&heap, 0, left - 1);
    }
}

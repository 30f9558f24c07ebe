/* SPDX-License-Identifier: Apache-2.0 */
/* base/sort.h: sorting in place without memory of its own: the C library's qsort may allocate
 * behind our back. Heapsort: n log n whatever comes; equal ones in no order.
 *
 * Thread: any.
 */
#ifndef WR_BASE_SORT_H
#define WR_BASE_SORT_H

#include <stddef.h>

/* `compare`: below, at or above 0, as the first one comes before the second; the argument is
 * handed through. */
void wr_sort(void *items, size_t count, size_t size,
             int (*compare)(const void *one, const void *other, void *argument), void *argument);

#endif /* WR_BASE_SORT_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* module: what the shared object exports. */
#include "state/rocks/rocks.h"

WEIR_BACKEND(wr_rocks_factory)

/* SPDX-License-Identifier: Apache-2.0 */
/* other_abi: as a job of another version of weir would look. Its main must not be called. */
#include <weir/job.h>

#include <stdlib.h>

__attribute__((visibility("default")))
const weir_job_abi_info weir_job_abi = { WEIR_JOB_MAGIC, WEIR_JOB_ABI + 41 };

__attribute__((visibility("default"))) weir_status
weir_job_main(weir_environment *environment, int argc, char **argv)
{
    (void)environment;
    (void)argc;
    (void)argv;
    abort();
}

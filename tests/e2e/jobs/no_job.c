/* SPDX-License-Identifier: Apache-2.0 */
/* no_job: a shared object, and no job. */
__attribute__((visibility("default"))) int no_job(void);

int
no_job(void)
{
    return 0;
}

/* slow_disk.c - a disk that takes 700 ms for each sync while the file SLOW_DISK names exists. Preloaded
 * into the gateway by slow_disk.test.mjs; never part of the product. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void)
{
    const char *path = getenv("SLOW_DISK");
    if (path != NULL && access(path, F_OK) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL);
    }
}

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_for_disk();
    return real(fd);
}

int fdatasync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_for_disk();
    return real(fd);
}

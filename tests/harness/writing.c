/* Preloaded into a program: kills it in the place of the n-th call that changes a file below a
 * directory. KEYWAY_TEST_BELOW names the directory, KEYWAY_TEST_WRITE is n. What is written through
 * shared memory is not seen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long left = -1;
static const char *below;

static void step(int file)
{
    char link[64], path[4096];
    if (left < 0) {
        const char *count = getenv("KEYWAY_TEST_WRITE");
        below = getenv("KEYWAY_TEST_BELOW");
        left = count == NULL ? 0 : atol(count);
    }
    if (left == 0 || below == NULL)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return;
    path[length] = 0;
    if (strncmp(path, below, strlen(below)) == 0 && --left == 0)
        kill(getpid(), SIGKILL);
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        abort();
    return function;
}

ssize_t write(int file, const void *bytes, size_t count)
{
    step(file);
    return ((ssize_t (*)(int, const void *, size_t))next("write"))(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at)
{
    step(file);
    return ((ssize_t (*)(int, const void *, size_t, off_t))next("pwrite"))(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at)
{
    step(file);
    return ((ssize_t (*)(int, const void *, size_t, off_t))next("pwrite64"))(file, bytes, count, at);
}

int ftruncate(int file, off_t length)
{
    step(file);
    return ((int (*)(int, off_t))next("ftruncate"))(file, length);
}

int ftruncate64(int file, off_t length)
{
    step(file);
    return ((int (*)(int, off_t))next("ftruncate64"))(file, length);
}

int fsync(int file)
{
    step(file);
    return ((int (*)(int))next("fsync"))(file);
}

int fdatasync(int file)
{
    step(file);
    return ((int (*)(int))next("fdatasync"))(file);
}

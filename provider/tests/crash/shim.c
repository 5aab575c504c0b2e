/* Preloaded into a program: counts what it changes below a directory, writes a journal of it, and
 * stops the program at the n-th change. Orders come as names of files that the program tries to
 * open; none of them is ever there:
 *
 *   /keyway-crash/begin:DIRECTORY:JOURNAL:STOP:MODE   watch from now on; stop at point STOP (0 never)
 *   /keyway-crash/note:TEXT                           a line of the journal
 *
 * MODE is a sum of
 *
 *   1  a write at the point is done by half before the program stops
 *   2  fsync and fdatasync say OK and do nothing
 *   4  the STOP-th point, a write, says OK and does nothing; the program goes on
 *
 * A point lies before each write, truncation, flush, and change of a directory, and behind each
 * instruction that changes a mapped page of a watched file (pages.c).
 *
 * The journal is entries: kind(4) size(4) inode(8) offset(8), then `size` bytes, in the order of the
 * machine. replay.rs reads it. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum mode { HALF = 1, LIE = 2, SWALLOW = 4 };

static char below[4096];
static size_t below_length;
static int journal = -1;
static long stop, points;
static int mode;
pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;)
        ;
}

static void put(const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        long done = syscall(SYS_write, journal, at, length);
        if (done <= 0)
            abort();
        at += done;
        length -= (size_t)done;
    }
}

void entry(uint32_t kind, uint64_t inode, int64_t offset, const void *bytes, size_t length)
{
    struct { uint32_t kind, size; uint64_t inode; int64_t offset; } head = {
        kind, (uint32_t)length, inode, offset
    };
    put(&head, sizeof head);
    if (length > 0)
        put(bytes, length);
}

/* Counts a point; whether it is the one to stop at. */
static int reached(void)
{
    points++;
    return stop != 0 && points == stop;
}

/* A point at which nothing can be done by half. Locked. */
void point(void)
{
    if (reached() && !(mode & SWALLOW))
        die();
}

/* The name of a path below the watched directory, or NULL. */
const char *inside(const char *path)
{
    if (below_length == 0 || strncmp(path, below, below_length) != 0)
        return NULL;
    if (path[below_length] == 0)
        return path + below_length;
    return path[below_length] == '/' ? path + below_length + 1 : NULL;
}

static int path_of(int file, char path[4096])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    long length = syscall(SYS_readlink, link, path, 4095);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return 1;
}

/* Whether a file is below the watched directory, and its inode. */
int watched(int file, uint64_t *inode)
{
    char path[4096];
    struct stat facts;
    if (below_length == 0 || !path_of(file, path) || inside(path) == NULL || fstat(file, &facts) != 0)
        return 0;
    *inode = facts.st_ino;
    return 1;
}

/* ---- orders ---- */

static void begin(char *order)
{
    char *parts[4] = { strtok(order, ":"), strtok(NULL, ":"), strtok(NULL, ":"), strtok(NULL, ":") };
    if (parts[3] == NULL)
        abort();
    snprintf(below, sizeof below, "%s", parts[0]);
    journal = (int)syscall(SYS_openat, AT_FDCWD, parts[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (journal < 0)
        abort();
    stop = atol(parts[2]);
    mode = atoi(parts[3]);
    points = 0;
    below_length = strlen(below);
}

/* Whether a name is an order; it was carried out. */
static int ordered(const char *path)
{
    static const char before[] = "/keyway-crash/";
    if (strncmp(path, before, sizeof before - 1) != 0)
        return 0;
    const char *order = path + sizeof before - 1;
    pthread_mutex_lock(&turn);
    if (strncmp(order, "begin:", 6) == 0) {
        char text[8192];
        snprintf(text, sizeof text, "%s", order + 6);
        begin(text);
    } else if (strncmp(order, "note:", 5) == 0 && journal >= 0) {
        entry(NOTE, 0, points, order + 5, strlen(order + 5));
    }
    pthread_mutex_unlock(&turn);
    errno = ENOENT;
    return 1;
}

/* ---- files ---- */

static int open_at(int directory, const char *path, int flags, unsigned mode_bits)
{
    const char *name = path[0] == '/' ? inside(path) : NULL;
    if (path[0] == '/' && ordered(path))
        return -1;
    size_t length = strlen(path);
    if (name != NULL && length > 6 && strcmp(path + length - 6, ".epoch") == 0)
        epoch_was_opened = 1;
    if (name == NULL || !(flags & (O_CREAT | O_TRUNC)))
        return (int)syscall(SYS_openat, directory, path, flags, mode_bits);
    struct stat facts;
    pthread_mutex_lock(&turn);
    int there = syscall(SYS_newfstatat, AT_FDCWD, path, &facts, 0) == 0;
    if (!there || (flags & O_TRUNC))
        point();
    int file = (int)syscall(SYS_openat, directory, path, flags, mode_bits);
    int kept = errno;
    if (file >= 0 && fstat(file, &facts) == 0) {
        if (!there)
            entry(CREATE, facts.st_ino, 0, name, strlen(name));
        else if (flags & O_TRUNC)
            entry(TRUNCATE, facts.st_ino, 0, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    errno = kept;
    return file;
}

#define OPEN(name, ...)                                                                            \
    unsigned bits = 0;                                                                             \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                           \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        bits = va_arg(rest, unsigned);                                                             \
        va_end(rest);                                                                              \
    }                                                                                              \
    return open_at(__VA_ARGS__, path, flags, bits);

int open(const char *path, int flags, ...) { OPEN(open, AT_FDCWD) }
int open64(const char *path, int flags, ...) { OPEN(open64, AT_FDCWD) }
int openat(int directory, const char *path, int flags, ...) { OPEN(openat, directory) }
int openat64(int directory, const char *path, int flags, ...) { OPEN(openat64, directory) }

static ssize_t write_at(int file, const void *bytes, size_t count, off_t at, int positioned)
{
    uint64_t inode;
    if (!watched(file, &inode))
        return positioned ? syscall(SYS_pwrite64, file, bytes, count, at)
                          : syscall(SYS_write, file, bytes, count);
    pthread_mutex_lock(&turn);
    if (!positioned)
        at = syscall(SYS_lseek, file, 0, SEEK_CUR);
    ssize_t done;
    if (reached()) {
        if (mode & HALF)
            syscall(SYS_pwrite64, file, bytes, count / 2, at);
        if (!(mode & SWALLOW))
            die();
        if (!positioned)
            syscall(SYS_lseek, file, at + (off_t)count, SEEK_SET);
        done = (ssize_t)count;
    } else {
        done = positioned ? syscall(SYS_pwrite64, file, bytes, count, at)
                          : syscall(SYS_write, file, bytes, count);
        int kept = errno;
        if (done > 0)
            entry(WRITE, inode, at, bytes, (size_t)done);
        errno = kept;
    }
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t write(int file, const void *bytes, size_t count) { return write_at(file, bytes, count, 0, 0); }

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at)
{
    return write_at(file, bytes, count, at, 1);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at)
{
    return write_at(file, bytes, count, at, 1);
}

/* One part at a time: a short answer is one that every caller has to expect. */
ssize_t writev(int file, const struct iovec *parts, int count)
{
    uint64_t inode;
    if (!watched(file, &inode))
        return syscall(SYS_writev, file, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len > 0)
            return write_at(file, parts[i].iov_base, parts[i].iov_len, 0, 0);
    return 0;
}

/* Callers go back to write. */
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t count, unsigned flags)
{
    uint64_t inode;
    if (!watched(to, &inode))
        return syscall(SYS_copy_file_range, from, at, to, there, count, flags);
    errno = EXDEV;
    return -1;
}

int ftruncate(int file, off_t length)
{
    uint64_t inode;
    if (!watched(file, &inode))
        return (int)syscall(SYS_ftruncate, file, length);
    pthread_mutex_lock(&turn);
    point();
    int answer = (int)syscall(SYS_ftruncate, file, length);
    int kept = errno;
    if (answer == 0)
        entry(TRUNCATE, inode, length, NULL, 0);
    pthread_mutex_unlock(&turn);
    errno = kept;
    return answer;
}

int ftruncate64(int file, off_t length) { return ftruncate(file, length); }

static int flush(int file, long number)
{
    uint64_t inode;
    char path[4096];
    struct stat facts;
    if (!watched(file, &inode))
        return (int)syscall(number, file);
    pthread_mutex_lock(&turn);
    point();
    int answer = mode & LIE ? 0 : (int)syscall(number, file);
    int kept = errno;
    if (answer == 0 && !(mode & LIE)) {
        if (fstat(file, &facts) == 0 && S_ISDIR(facts.st_mode) && path_of(file, path))
            entry(SYNC_DIRECTORY, inode, 0, inside(path), strlen(inside(path)));
        else
            entry(SYNC, inode, 0, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    errno = kept;
    return answer;
}

int fsync(int file) { return flush(file, SYS_fsync); }
int fdatasync(int file) { return flush(file, SYS_fdatasync); }

/* ---- directories ---- */

/* Changes a directory: `one` and `other` are the names for the journal. */
static int change(uint32_t kind, const char *one, const char *other, long number, long a, long b,
                  long c, long d, long e)
{
    const char *first = one != NULL && one[0] == '/' ? inside(one) : NULL;
    const char *second = other != NULL && other[0] == '/' ? inside(other) : NULL;
    if (first == NULL && second == NULL)
        return (int)syscall(number, a, b, c, d, e);
    if (first == NULL || (other != NULL && second == NULL))
        abort();
    pthread_mutex_lock(&turn);
    point();
    int answer = (int)syscall(number, a, b, c, d, e);
    int kept = errno;
    if (answer == 0) {
        char names[8192];
        size_t length = (size_t)snprintf(names, sizeof names, "%s%c%s", first, '\n',
                                         second == NULL ? "" : second);
        entry(kind, 0, 0, names, length);
    }
    pthread_mutex_unlock(&turn);
    errno = kept;
    return answer;
}

int rename(const char *from, const char *to)
{
    return change(RENAME, from, to, SYS_renameat2, AT_FDCWD, (long)from, AT_FDCWD, (long)to, 0);
}

int link(const char *from, const char *to)
{
    return change(LINK, from, to, SYS_linkat, AT_FDCWD, (long)from, AT_FDCWD, (long)to, 0);
}

int linkat(int at, const char *from, int there, const char *to, int flags)
{
    return change(LINK, from, to, SYS_linkat, at, (long)from, there, (long)to, flags);
}

int unlink(const char *path)
{
    return change(UNLINK, path, NULL, SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0);
}

int unlinkat(int directory, const char *path, int flags)
{
    char whole[8192], of[4096];
    if (path[0] != '/' && directory != AT_FDCWD && path_of(directory, of)) {
        snprintf(whole, sizeof whole, "%s/%s", of, path);
        path = whole;
    }
    return change(flags & AT_REMOVEDIR ? RMDIR : UNLINK, path, NULL, SYS_unlinkat, AT_FDCWD,
                  (long)path, flags, 0, 0);
}

int mkdir(const char *path, mode_t bits)
{
    return change(MKDIR, path, NULL, SYS_mkdirat, AT_FDCWD, (long)path, bits, 0, 0);
}

int rmdir(const char *path)
{
    return change(RMDIR, path, NULL, SYS_unlinkat, AT_FDCWD, (long)path, AT_REMOVEDIR, 0, 0);
}

/* What the parts of the preloaded library share; see shim.c. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { CREATE = 1, WRITE, TRUNCATE, SYNC, SYNC_DIRECTORY, RENAME, LINK, UNLINK, MKDIR, RMDIR,
            MAPPED, NOTE };

/* Held from a point to the end of what it is about. */
extern pthread_mutex_t turn;
/* A file that is mapped past this library was opened and is not guarded yet. */
extern int epoch_was_opened;

/* Writes an entry of the journal. */
void entry(uint32_t kind, uint64_t inode, int64_t offset, const void *bytes, size_t length);
/* Counts a point at which nothing can be done by half. */
void point(void);
/* The name of a path below the watched directory, or NULL. */
const char *inside(const char *path);
/* Whether a file is below the watched directory, and its inode. */
int watched(int file, uint64_t *inode);

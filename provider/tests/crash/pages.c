/* The part of the preloaded library that looks at mapped pages of watched files. They are kept
 * read-only; the handler of the fault lets one instruction through (x86-64, trap flag) and compares
 * the page with what it was. Elsewhere mapped pages are not looked at. */
#include "shim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGE = 4096, PAGES = 512 };

int epoch_was_opened;

static struct region {
    char *start;
    uint64_t inode;
    int64_t offset;
    char *was;
} regions[PAGES];

static struct region *region_of(const char *address)
{
    for (int i = 0; i < PAGES; i++)
        if (regions[i].start != NULL && address >= regions[i].start && address < regions[i].start + PAGE)
            return &regions[i];
    return NULL;
}

#if defined(__x86_64__)
static __thread struct region *stepping;

static void guard_page(char *start, uint64_t inode, int64_t offset)
{
    struct region *region = region_of(start);
    for (int i = 0; region == NULL && i < PAGES; i++)
        if (regions[i].start == NULL)
            region = &regions[i];
    if (region == NULL)
        abort();
    region->start = start;
    region->inode = inode;
    region->offset = offset;
    if (region->was == NULL)
        region->was = (char *)syscall(SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(region->was, start, PAGE);
    syscall(SYS_mprotect, start, PAGE, PROT_READ);
}

static void guard_pages(char *start, size_t length, uint64_t inode, int64_t offset)
{
    for (size_t at = 0; at < length; at += PAGE)
        guard_page(start + at, inode, offset + (int64_t)at);
}

static void forget_pages(const char *start, size_t length)
{
    for (int i = 0; i < PAGES; i++)
        if (regions[i].start >= start && regions[i].start < start + length)
            regions[i].start = NULL;
}

/* What changed of a page, which is read-only again. */
static void changed(struct region *region)
{
    syscall(SYS_mprotect, region->start, PAGE, PROT_READ);
    int first = 0, last = PAGE;
    while (first < PAGE && region->start[first] == region->was[first])
        first++;
    while (last > first && region->start[last - 1] == region->was[last - 1])
        last--;
    if (first < last) {
        memcpy(region->was + first, region->start + first, (size_t)(last - first));
        entry(MAPPED, region->inode, region->offset + first, region->was + first,
              (size_t)(last - first));
        point();
    }
}

/* Does what a repeated `stos` or `movs` does to the page that it faults at, which would trap at each
 * byte; whether it is one. The direction flag is clear, as everywhere in compiled code. */
static int repeated(struct region *region, greg_t *registers)
{
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    int at = 0, wide = 0;
    if (code[at++] != 0xf3)
        return 0;
    if ((code[at] & 0xf0) == 0x40)
        wide = code[at++] & 8;
    int moves = (code[at] & 0xfe) == 0xa4;
    if (!moves && (code[at] & 0xfe) != 0xaa)
        return 0;
    long size = code[at] & 1 ? wide ? 8 : 4 : 1;
    char *to = (char *)registers[REG_RDI];
    long count = (region->start + PAGE - to) / size;
    if (count > registers[REG_RCX])
        count = registers[REG_RCX];
    if (count == 0)
        return 0;
    for (long n = 0; n < count; n++)
        memcpy(to + n * size,
               moves ? (char *)registers[REG_RSI] + n * size : (char *)&registers[REG_RAX],
               (size_t)size);
    registers[REG_RDI] += count * size;
    registers[REG_RSI] += moves ? count * size : 0;
    registers[REG_RCX] -= count;
    if (registers[REG_RCX] == 0)
        registers[REG_RIP] += at + 1;
    return 1;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    struct region *region = region_of(info->si_addr);
    if (region == NULL || stepping != NULL) {
        struct sigaction ordinary = { .sa_handler = SIG_DFL };
        sigaction(signal, &ordinary, NULL);
        return;
    }
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    pthread_mutex_lock(&turn);
    syscall(SYS_mprotect, region->start, PAGE, PROT_READ | PROT_WRITE);
    if (repeated(region, registers)) {
        changed(region);
        pthread_mutex_unlock(&turn);
        return;
    }
    stepping = region;
    registers[REG_EFL] |= 0x100;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    struct region *region = stepping;
    (void)signal, (void)info;
    if (region == NULL)
        return;
    stepping = NULL;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
    changed(region);
    pthread_mutex_unlock(&turn);
}

__attribute__((constructor)) static void handle(void)
{
    struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGTRAP, &step, NULL);
}

/* The module maps the page of the epoch by a system call of its own, so it is looked for where it or
 * SQLite asks for a lock, as they do before each change. */
static void find_mapped(void)
{
    static char text[1 << 20];
    size_t length = 0;
    int maps = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (long read = 1; maps >= 0 && read > 0 && length < sizeof text - 1; length += (size_t)read)
        if ((read = syscall(SYS_read, maps, text + length, sizeof text - 1 - length)) < 0)
            break;
    syscall(SYS_close, maps);
    text[length] = 0;
    for (char *line = text, *next; line != NULL && *line != 0; line = next) {
        unsigned long start, end, offset, inode;
        char rights[8];
        int path = 0;
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        if (sscanf(line, "%lx-%lx %7s %lx %*s %lu %n", &start, &end, rights, &offset,
                   &inode, &path) < 5)
            continue;
        if (strcmp(rights, "rw-s") != 0 || path == 0 || inside(line + path) == NULL)
            continue;
        guard_pages((char *)start, end - start, inode, (int64_t)offset);
        epoch_was_opened = 0;
    }
}

void *mmap(void *hint, size_t length, int rights, int flags, int file, off_t offset)
{
    uint64_t inode;
    char *start = (char *)syscall(SYS_mmap, hint, length, rights, flags, file, offset);
    if (start != MAP_FAILED && file >= 0 && (rights & PROT_WRITE) && (flags & MAP_SHARED) &&
        watched(file, &inode)) {
        pthread_mutex_lock(&turn);
        guard_pages(start, length, inode, offset);
        pthread_mutex_unlock(&turn);
    }
    return start;
}

void *mmap64(void *hint, size_t length, int rights, int flags, int file, off_t offset)
{
    return mmap(hint, length, rights, flags, file, offset);
}

int munmap(void *start, size_t length)
{
    pthread_mutex_lock(&turn);
    forget_pages(start, length);
    pthread_mutex_unlock(&turn);
    return (int)syscall(SYS_munmap, start, length);
}

int fcntl(int file, int command, ...)
{
    va_list rest;
    uint64_t inode;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int locks = command == F_SETLK || command == F_OFD_SETLK;
    if (epoch_was_opened && locks && watched(file, &inode)) {
        pthread_mutex_lock(&turn);
        find_mapped();
        pthread_mutex_unlock(&turn);
    }
    return (int)syscall(SYS_fcntl, file, command, argument);
}

int fcntl64(int file, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return fcntl(file, command, argument);
}
#endif

int msync(void *start, size_t length, int flags)
{
    struct region *region = region_of(start);
    if (region == NULL)
        return (int)syscall(SYS_msync, start, length, flags);
    pthread_mutex_lock(&turn);
    point();
    int answer = (int)syscall(SYS_msync, start, length, flags);
    if (answer == 0 && (flags & MS_SYNC))
        entry(SYNC, region->inode, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return answer;
}

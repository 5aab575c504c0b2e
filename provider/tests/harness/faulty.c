/* A PKCS#11 module that stands before another one and fails as devices do. `NAME.so.real` beside it
 * holds the path of the other module, `NAME.so.environment` a line NAME=VALUE for its C_Initialize,
 * and `NAME.so.faults` is the page that a test writes orders to while calls run (struct page below,
 * harness/faulty.rs). Numbers of functions are their places in CK_FUNCTION_LIST (PKCS #11 2.40,
 * pkcs11f.h), whose first 68 entries this module has. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long word;
typedef word (*function)(word, word, word, word, word, word, word, word);
typedef _Atomic word cell;

enum {
    INITIALIZE = 0, FINALIZE = 1, GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, OPEN_SESSION = 12,
    CLOSE_SESSION = 13, CLOSE_ALL_SESSIONS = 14, LOGIN = 18, LOGOUT = 19, FUNCTIONS = 68
};
enum {
    CKR_GENERAL_ERROR = 5, CKR_SESSION_COUNT = 0xb1, CKR_SESSION_HANDLE_INVALID = 0xb3,
    CKR_CRYPTOKI_NOT_INITIALIZED = 0x190
};
/* What an injected answer does beside being given. */
enum { ANSWER = 0, LOSE_SESSION = 1, LOSE_ALL = 2 };

/* What a test orders for one function, and what was counted. */
struct order {
    cell code;   /* the answer that is injected */
    cell in;     /* at the n-th call from now: counted down, 0 never */
    cell every;  /* at each n-th call, 0 never */
    cell chance; /* of 2^32, at random */
    cell late;   /* 1: after the other module did its work, whose answer is lost */
    cell effect;
    cell calls;
    cell injected;
};

struct page {
    cell life;     /* another number: all sessions, the login and the handles of objects are lost */
    cell crash;    /* another number: CKR_CRYPTOKI_NOT_INITIALIZED until it is initialised again */
    cell sessions; /* so many at once, 0 without limit */
    cell announced;/* 1: C_GetTokenInfo says how many */
    cell idle;     /* milliseconds after which a session that nobody used is lost, 0 never */
    cell latency;  /* microseconds, of every call */
    cell shift;    /* every life adds it to the handles of objects */
    cell seed;
    cell drawn;
    cell open;     /* sessions that exist now, and the most that ever did */
    cell most;
    cell timed_out;/* sessions lost for lying idle */
    cell cut;      /* sessions lost with a life */
    cell dead;     /* another number: CKR_GENERAL_ERROR until it is initialised again, but for sessions
                    * and logout, which it knows by itself */
    cell pad[2];
    struct order orders[FUNCTIONS];
};

struct list {
    unsigned char version[2];
    function functions[FUNCTIONS];
};

#define PLACES 4096
struct session {
    word ours; /* 0: the place is free */
    word real;
    word slot;
    word used; /* milliseconds */
};

static struct list *real;
static struct list ours;
static struct page *page;
static char environment[4096];
static struct session sessions[PLACES];
static word numbers;
/* Readers are calls; the one who writes takes all sessions away. */
static pthread_rwlock_t running;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static word life;
static word crash;
static word dead;

static word now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (word)time.tv_sec * 1000 + (word)time.tv_nsec / 1000000;
}

static struct session *find(word handle)
{
    struct session *session = &sessions[handle % PLACES];
    return handle != 0 && session->ours == handle ? session : NULL;
}

static void forget(struct session *session)
{
    session->ours = 0;
    page->open--;
}

/* After a restart of the device: whoever comes first closes what was open. */
static void notice(void)
{
    if (life == page->life)
        return;
    pthread_rwlock_wrlock(&running);
    if (life != page->life) {
        life = page->life;
        for (int i = 0; i < PLACES; i++)
            if (sessions[i].ours != 0) {
                real->functions[CLOSE_ALL_SESSIONS](sessions[i].slot, 0, 0, 0, 0, 0, 0, 0);
                page->cut++;
                forget(&sessions[i]);
            }
    }
    pthread_rwlock_unlock(&running);
}

static int is_drawn(struct order *order, word call)
{
    if (order->every != 0 && call % order->every == 0)
        return 1;
    if (order->in != 0 && --order->in == 0)
        return 1;
    if (order->chance == 0)
        return 0;
    /* splitmix64 */
    word x = page->seed + ++page->drawn * 0x9e3779b97f4a7c15ul;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ul;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebul;
    return ((x ^ (x >> 31)) >> 32) < order->chance;
}

static word open_session(word *a)
{
    word handle = 0;
    pthread_mutex_lock(&table);
    word answer = CKR_SESSION_COUNT;
    if (page->sessions == 0 || page->open < page->sessions) {
        answer = real->functions[OPEN_SESSION](a[0], a[1], a[2], a[3], (word)&handle, 0, 0, 0);
        if (answer == 0) {
            do
                numbers++;
            while (numbers == 0 || sessions[numbers % PLACES].ours != 0);
            sessions[numbers % PLACES] = (struct session){numbers, handle, a[0], now()};
            *(word *)a[4] = numbers;
            page->open++;
            if (page->open > page->most)
                page->most = page->open;
        }
    }
    pthread_mutex_unlock(&table);
    return answer;
}

/* Which arguments are handles of objects: those given, and those that point to one answered. */
static const struct {
    int place, given, also, answered, answered_also;
} HANDLES[] = {
    {20, 0, 0, 3, 0}, {21, 1, 0, 4, 0}, {22, 1, 0, 0, 0}, {23, 1, 0, 0, 0}, {24, 1, 0, 0, 0},
    {25, 1, 0, 0, 0}, {29, 2, 0, 0, 0}, {33, 2, 0, 0, 0}, {40, 1, 0, 0, 0}, {42, 2, 0, 0, 0},
    {46, 2, 0, 0, 0}, {48, 2, 0, 0, 0}, {52, 2, 0, 0, 0}, {58, 0, 0, 4, 0}, {59, 0, 0, 6, 7},
    {60, 2, 3, 0, 0}, {61, 2, 0, 7, 0}, {62, 2, 0, 5, 0},
};

static word forward(int place, word *a)
{
    word shift = life * page->shift;
    int answered = 0, answered_also = 0;
    for (unsigned i = 0; i < sizeof HANDLES / sizeof *HANDLES; i++)
        if (HANDLES[i].place == place) {
            if (HANDLES[i].given)
                a[HANDLES[i].given] -= shift;
            if (HANDLES[i].also)
                a[HANDLES[i].also] -= shift;
            answered = HANDLES[i].answered;
            answered_also = HANDLES[i].answered_also;
        }
    word answer = real->functions[place](a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    if (answer == 0 && place == CLOSE_ALL_SESSIONS) {
        pthread_mutex_lock(&table);
        for (int i = 0; i < PLACES; i++)
            if (sessions[i].ours != 0 && sessions[i].slot == a[0])
                forget(&sessions[i]);
        pthread_mutex_unlock(&table);
    }
    if (answer == 0 && answered && a[answered])
        *(word *)a[answered] += shift;
    if (answer == 0 && answered_also && a[answered_also])
        *(word *)a[answered_also] += shift;
    if (answer == 0 && place == 27)
        for (word i = 0; i < *(word *)a[3]; i++)
            ((word *)a[1])[i] += shift;
    if (answer == 0 && place == GET_TOKEN_INFO && page->announced) {
        word *counts = (word *)(a[1] + 32 + 32 + 16 + 16 + sizeof(word));
        counts[0] = counts[2] = page->sessions;
        counts[1] = counts[3] = page->open;
    }
    return answer;
}

static int takes_session(int place)
{
    return place == 10 || place == 11 || place == CLOSE_SESSION || (place >= 15 && place <= 66);
}

/* The call itself, with the session behind the handle. */
static word carried(int place, word *a)
{
    if (place == OPEN_SESSION)
        return open_session(a);
    if (!takes_session(place))
        return forward(place, a);
    pthread_mutex_lock(&table);
    struct session *session = find(a[0]);
    if (session != NULL && page->idle != 0 && now() - session->used > page->idle) {
        real->functions[CLOSE_SESSION](session->real, 0, 0, 0, 0, 0, 0, 0);
        page->timed_out++;
        forget(session);
        session = NULL;
    }
    word handle = session == NULL ? 0 : session->real;
    if (session != NULL && place == CLOSE_SESSION)
        forget(session);
    pthread_mutex_unlock(&table);
    if (handle == 0)
        return CKR_SESSION_HANDLE_INVALID;
    word mine = a[0];
    a[0] = handle;
    word answer = forward(place, a);
    pthread_mutex_lock(&table);
    session = find(mine);
    if (session != NULL)
        session->used = now();
    pthread_mutex_unlock(&table);
    return answer;
}

static void lose(word handle)
{
    pthread_mutex_lock(&table);
    struct session *session = find(handle);
    if (session != NULL) {
        real->functions[CLOSE_SESSION](session->real, 0, 0, 0, 0, 0, 0, 0);
        forget(session);
    }
    pthread_mutex_unlock(&table);
}

static word begin(word arguments)
{
    char *value = strchr(environment, '=');
    char *before = NULL;
    if (value != NULL) {
        *value = 0;
        before = getenv(environment);
        before = before == NULL ? NULL : strdup(before);
        setenv(environment, value + 1, 1);
    }
    word answer = real->functions[INITIALIZE](arguments, 0, 0, 0, 0, 0, 0, 0);
    if (value != NULL) {
        if (before == NULL)
            unsetenv(environment);
        else
            setenv(environment, before, 1);
        free(before);
        *value = '=';
    }
    if (answer == 0) {
        crash = page->crash;
        dead = page->dead;
        life = page->life;
    }
    return answer;
}

static word end(word arguments)
{
    pthread_rwlock_wrlock(&running);
    word answer = real->functions[FINALIZE](arguments, 0, 0, 0, 0, 0, 0, 0);
    if (answer == 0)
        for (int i = 0; i < PLACES; i++)
            if (sessions[i].ours != 0)
                forget(&sessions[i]);
    pthread_rwlock_unlock(&running);
    return answer;
}

static word call(int place, word *a)
{
    struct order *order = &page->orders[place];
    word count = ++order->calls;
    if (page->latency != 0)
        usleep((unsigned)page->latency);
    if (crash != page->crash && place != INITIALIZE && place != FINALIZE)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (dead != page->dead && place >= LOGIN && place != LOGOUT)
        return CKR_GENERAL_ERROR;
    notice();
    int injected = is_drawn(order, count);
    word answer = 0, handle = a[0];
    if (!injected || order->late) {
        if (place == INITIALIZE)
            answer = begin(a[0]);
        else if (place == FINALIZE)
            answer = end(a[0]);
        else {
            pthread_rwlock_rdlock(&running);
            answer = carried(place, a);
            pthread_rwlock_unlock(&running);
        }
    }
    if (!injected)
        return answer;
    order->injected++;
    if (order->effect == LOSE_SESSION && takes_session(place)) {
        pthread_rwlock_rdlock(&running);
        lose(handle);
        pthread_rwlock_unlock(&running);
    }
    if (order->effect == LOSE_ALL)
        page->life++;
    return order->code;
}

#define FUNCTION(place)                                                                            \
    static word call_##place(word a, word b, word c, word d, word e, word f, word g, word h)       \
    {                                                                                              \
        word arguments[8] = {a, b, c, d, e, f, g, h};                                              \
        return call(place, arguments);                                                             \
    }
#define EACH(of)                                                                                   \
    of(0) of(1) of(2) of(4) of(5) of(6) of(7) of(8) of(9) of(10) of(11) of(12) of(13) of(14)       \
    of(15) of(16) of(17) of(18) of(19) of(20) of(21) of(22) of(23) of(24) of(25) of(26) of(27)     \
    of(28) of(29) of(30) of(31) of(32) of(33) of(34) of(35) of(36) of(37) of(38) of(39) of(40)     \
    of(41) of(42) of(43) of(44) of(45) of(46) of(47) of(48) of(49) of(50) of(51) of(52) of(53)     \
    of(54) of(55) of(56) of(57) of(58) of(59) of(60) of(61) of(62) of(63) of(64) of(65) of(66)     \
    of(67)
#define ENTRY(place) ours.functions[place] = call_##place;

EACH(FUNCTION)

/* What stands in the file of this name beside the library, without the end of its line. */
static void beside(const char *library, const char *ending, char *text, size_t room)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", library, ending);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(text, (int)room, file) == NULL)
        text[0] = 0;
    if (file != NULL)
        fclose(file);
    text[strcspn(text, "\n")] = 0;
}

static void load(void)
{
    Dl_info info;
    char path[4096];
    word (*get)(struct list **);
    if (dladdr((void *)load, &info) == 0)
        abort();
    beside(info.dli_fname, ".environment", environment, sizeof environment);
    beside(info.dli_fname, ".real", path, sizeof path);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        abort();
    get = (word (*)(struct list **))dlsym(module, "C_GetFunctionList");
    if (get == NULL || get(&real) != 0)
        abort();
    snprintf(path, sizeof path, "%s.faults", info.dli_fname);
    int file = open(path, O_RDWR);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || page == MAP_FAILED)
        abort();
    close(file);
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&running, &attributes);
    ours.version[0] = 2;
    ours.version[1] = 40;
}

word C_GetFunctionList(struct list **answer)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    EACH(ENTRY)
    ours.functions[GET_FUNCTION_LIST] = (function)(void (*)(void))C_GetFunctionList;
    *answer = &ours;
    return 0;
}

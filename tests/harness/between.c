/* Stands between keyway and a PKCS#11 module and does to its calls what a plan says. Beside this
 * library lie the files
 *
 *   real   the path of the module behind it
 *   plan   one line, read at every call: VERB FUNCTION AT TIMES CODE
 *   calls  gets the name of each function that is called while the plan says `record`
 *   fired  gets a line for each call that the plan was about
 *
 * FUNCTION is a name, or `changes` for those that change a token. From the AT-th such call since the
 * plan was written, TIMES times: `kill` kills the process in the place of the call; `before` answers
 * CODE in its place, `after` behind it; `logout` and `close` end the login or the session before it.
 * The places of the functions are those of CK_FUNCTION_LIST (PKCS #11 2.40, pkcs11f.h). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                               \
    X(0, Initialize) X(1, Finalize) X(2, GetInfo) X(3, GetFunctionList) X(4, GetSlotList)          \
    X(5, GetSlotInfo) X(6, GetTokenInfo) X(7, GetMechanismList) X(8, GetMechanismInfo)             \
    X(9, InitToken) X(10, InitPIN) X(11, SetPIN) X(12, OpenSession) X(13, CloseSession)            \
    X(14, CloseAllSessions) X(15, GetSessionInfo) X(16, GetOperationState)                         \
    X(17, SetOperationState) X(18, Login) X(19, Logout) X(20, CreateObject) X(21, CopyObject)      \
    X(22, DestroyObject) X(23, GetObjectSize) X(24, GetAttributeValue) X(25, SetAttributeValue)    \
    X(26, FindObjectsInit) X(27, FindObjects) X(28, FindObjectsFinal) X(29, EncryptInit)           \
    X(30, Encrypt) X(31, EncryptUpdate) X(32, EncryptFinal) X(33, DecryptInit) X(34, Decrypt)      \
    X(35, DecryptUpdate) X(36, DecryptFinal) X(37, DigestInit) X(38, Digest) X(39, DigestUpdate)   \
    X(40, DigestKey) X(41, DigestFinal) X(42, SignInit) X(43, Sign) X(44, SignUpdate)              \
    X(45, SignFinal) X(46, SignRecoverInit) X(47, SignRecover) X(48, VerifyInit) X(49, Verify)     \
    X(50, VerifyUpdate) X(51, VerifyFinal) X(52, VerifyRecoverInit) X(53, VerifyRecover)           \
    X(54, DigestEncryptUpdate) X(55, DecryptDigestUpdate) X(56, SignEncryptUpdate)                 \
    X(57, DecryptVerifyUpdate) X(58, GenerateKey) X(59, GenerateKeyPair) X(60, WrapKey)            \
    X(61, UnwrapKey) X(62, DeriveKey) X(63, SeedRandom) X(64, GenerateRandom)                      \
    X(65, GetFunctionStatus) X(66, CancelFunction) X(67, WaitForSlotEvent)

enum { CLOSE_SESSION = 13, LOGOUT = 19, COUNT = 68 };

typedef unsigned long word;
typedef word (*function)(word, word, word, word, word, word, word, word);

struct list {
    unsigned char version[2];
    function functions[COUNT];
};

static const char *const names[COUNT] = {
#define NAME(place, name) "C_" #name,
    FUNCTIONS(NAME)
};

static struct list *real;
static struct list ours;
static char directory[4096];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
/* The plan that the count belongs to, and how often its function was called since. */
static char plan[256];
static long count;

static int beside(const char *name, int flags)
{
    char path[sizeof directory + 16];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return open(path, flags | O_CLOEXEC, 0600);
}

static void read_beside(const char *name, char *text, size_t room)
{
    int file = beside(name, O_RDONLY);
    ssize_t length = file < 0 ? 0 : read(file, text, room - 1);
    text[length < 0 ? 0 : length] = 0;
    if (file >= 0)
        close(file);
}

static void append(const char *name, const char *line)
{
    int file = beside(name, O_WRONLY | O_APPEND | O_CREAT);
    if (file < 0 || dprintf(file, "%s\n", line) < 0)
        abort();
    close(file);
}

static int changes(int place)
{
    return (place >= 20 && place <= 22) || place == 25 || place == 58 || place == 59 ||
           place == 61 || place == 62;
}

/* What the plan says of this call; nothing where `verb` is empty. */
static void planned(int place, char verb[16], word *code)
{
    char now[sizeof plan], about[48] = "";
    long at = 0, times = 0;
    pthread_mutex_lock(&turn);
    read_beside("plan", now, sizeof now);
    if (strcmp(now, plan) != 0) {
        memcpy(plan, now, sizeof plan);
        count = 0;
    }
    verb[0] = 0;
    sscanf(plan, "%15s %47s %ld %ld %lu", verb, about, &at, &times, code);
    if (strcmp(verb, "record") == 0) {
        append("calls", names[place]);
        verb[0] = 0;
    } else if (strcmp(about, names[place]) == 0 || (strcmp(about, "changes") == 0 && changes(place))) {
        count++;
        if (count < at || count >= at + times)
            verb[0] = 0;
        else
            append("fired", names[place]);
    } else {
        verb[0] = 0;
    }
    pthread_mutex_unlock(&turn);
}

static word call(int place, word a, word b, word c, word d, word e, word f, word g, word h)
{
    char verb[16];
    word code = 0, answer;
    planned(place, verb, &code);
    if (strcmp(verb, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(verb, "before") == 0)
        return code;
    if (strcmp(verb, "logout") == 0)
        real->functions[LOGOUT](a, 0, 0, 0, 0, 0, 0, 0);
    if (strcmp(verb, "close") == 0)
        real->functions[CLOSE_SESSION](a, 0, 0, 0, 0, 0, 0, 0);
    answer = real->functions[place](a, b, c, d, e, f, g, h);
    return strcmp(verb, "after") == 0 ? code : answer;
}

#define CALL(place, name)                                                                          \
    static word call_##name(word a, word b, word c, word d, word e, word f, word g, word h)        \
    {                                                                                              \
        return call(place, a, b, c, d, e, f, g, h);                                                \
    }
FUNCTIONS(CALL)

word C_GetFunctionList(struct list **answer)
{
    if (real == NULL) {
        char path[4096];
        Dl_info here;
        if (dladdr((void *)C_GetFunctionList, &here) == 0)
            abort();
        snprintf(directory, sizeof directory, "%s", here.dli_fname);
        *strrchr(directory, '/') = 0;
        read_beside("real", path, sizeof path);
        void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (module == NULL)
            abort();
        word (*get)(struct list **) = (word (*)(struct list **))dlsym(module, "C_GetFunctionList");
        if (get == NULL || get(&real) != 0)
            abort();
        memcpy(ours.version, real->version, sizeof ours.version);
#define OURS(place, name) ours.functions[place] = call_##name;
        FUNCTIONS(OURS)
        ours.functions[3] = (function)(void (*)(void))C_GetFunctionList;
    }
    *answer = &ours;
    return 0;
}

/* Forks while eight threads sign and write: every child initialises the module again, logs in,
 * signs and writes, and the parent goes on. Prints how many objects were acknowledged and how many
 * are there at the end.
 *
 *   fork MODULE PIN */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned long number;
typedef struct { number type; void *value; number len; } attribute;
typedef struct { number type; void *value; number len; } mechanism;

/* The first functions of CK_FUNCTION_LIST, by position. */
typedef struct { unsigned char version[2]; void *functions[68]; } list;
enum { INITIALIZE = 0, FINALIZE = 1, SLOT_LIST = 4, OPEN = 12, CLOSE = 13, LOGIN = 18, CREATE = 20,
       FIND_INIT = 26, FIND = 27, FIND_FINAL = 28, SIGN_INIT = 42, SIGN = 43 };

static list *module;
static const char *pin;
static atomic_int acknowledged, stop;

#define CALL(position, types, ...) (((number (*) types)module->functions[position])(__VA_ARGS__))

static void check(const char *what, number rv)
{
    if (!rv)
        return;
    printf("%d: %s 0x%lx\n", (int)getpid(), what, rv);
    fflush(stdout);
    _exit(1);
}

static number open_session(void)
{
    number slots[8], count = 8, session;
    check("C_GetSlotList", CALL(SLOT_LIST, (unsigned char, number *, number *), 1, slots, &count));
    check("C_OpenSession", CALL(OPEN, (number, number, void *, void *, number *), slots[0], 6, 0, 0, &session));
    return session;
}

static void login(number session)
{
    number rv = CALL(LOGIN, (number, number, const char *, number), session, 1, pin, strlen(pin));
    check("C_Login", rv == 0x100 ? 0 : rv); /* CKR_USER_ALREADY_LOGGED_IN */
}

/* A key for HMAC: a session object, or a token object to be counted. */
static number create(number session, unsigned char token)
{
    number class = 4, type = 0x10, key;
    unsigned char yes = 1, value[32] = { 7 };
    attribute template[] = {
        { 0, &class, sizeof class }, { 0x100, &type, sizeof type }, { 1, &token, 1 },
        { 3, "forked", 6 }, { 0x108, &yes, 1 }, { 0x11, value, sizeof value },
    };
    check("C_CreateObject", CALL(CREATE, (number, attribute *, number, number *), session, template, 6, &key));
    return key;
}

static void sign(number session, number key)
{
    unsigned char data[64] = { 1 }, mac[32];
    number len = sizeof mac;
    mechanism hmac = { 0x251, 0, 0 };
    check("C_SignInit", CALL(SIGN_INIT, (number, mechanism *, number), session, &hmac, key));
    check("C_Sign", CALL(SIGN, (number, void *, number, void *, number *), session, data, sizeof data, mac, &len));
}

static void *work(void *nothing)
{
    number session = open_session(), key = create(session, 0);
    (void)nothing;
    while (!stop) {
        for (int i = 0; i < 100; i++)
            sign(session, key);
        create(session, 1);
        acknowledged++;
    }
    check("C_CloseSession", CALL(CLOSE, (number), session));
    return 0;
}

static int child(void)
{
    number session, key;
    check("C_GetSlotList before C_Initialize",
          CALL(SLOT_LIST, (unsigned char, number *, number *), 1, 0, &session) == 0x190 ? 0 : 1);
    check("C_Initialize in the child", CALL(INITIALIZE, (void *), 0));
    session = open_session();
    login(session);
    key = create(session, 1);
    sign(session, key);
    check("C_Finalize in the child", CALL(FINALIZE, (void *), 0));
    return 0;
}

static int count(number session)
{
    attribute label = { 3, "forked", 6 };
    number found[64], some;
    int all = 0;
    check("C_FindObjectsInit", CALL(FIND_INIT, (number, attribute *, number), session, &label, 1));
    do {
        check("C_FindObjects", CALL(FIND, (number, number *, number, number *), session, found, 64, &some));
        all += some;
    } while (some);
    check("C_FindObjectsFinal", CALL(FIND_FINAL, (number), session));
    return all;
}

int main(int arguments, char **argument)
{
    enum { THREADS = 8, CHILDREN = 12 };
    pthread_t threads[THREADS];
    pid_t children[CHILDREN];
    number session;
    int status, failed = 0;
    void *library = arguments == 3 ? dlopen(argument[1], RTLD_NOW | RTLD_LOCAL) : 0;
    if (!library)
        return 2;
    check("C_GetFunctionList", ((number (*)(list **))dlsym(library, "C_GetFunctionList"))(&module));
    pin = argument[2];
    check("C_Initialize", CALL(INITIALIZE, (void *), 0));
    session = open_session();
    login(session);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], 0, work, 0);
    for (int i = 0; i < CHILDREN; i++) {
        usleep(30000);
        fflush(stdout);
        children[i] = fork();
        if (!children[i]) {
            alarm(60); /* a child that hangs is a child that failed */
            _exit(child());
        }
    }
    for (int i = 0; i < CHILDREN; i++)
        failed += waitpid(children[i], &status, 0) != children[i] || status;
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], 0);
    /* Session objects of the threads are gone with their sessions. */
    printf("%d acknowledged, %d there, %d children failed\n", acknowledged + CHILDREN, count(session), failed);
    check("C_Finalize", CALL(FINALIZE, (void *), 0));
    return 0;
}

/* A PKCS#11 module that does what odd modules do. Most of its functions are missing. */

#include <stddef.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long word;

#define OK 0x0
#define GENERAL_ERROR 0x5
#define FUNCTION_FAILED 0x6
#define ATTRIBUTE_TYPE_INVALID 0x12
#define DEVICE_REMOVED 0x32
#define BUFFER_TOO_SMALL 0x150
#define NOT_INITIALIZED 0x190
#define VENDOR 0x80000042

#define UNAVAILABLE ((word)-1)
#define CLASS 0x0
#define LABEL 0x3
#define KEY_TYPE 0x100
#define SENSITIVE 0x103
#define START_DATE 0x110

struct attribute { word type; void *value; word len; };
struct arguments { void *mutexes[4]; word flags; void *reserved; };
struct info {
    unsigned char cryptoki[2];
    char manufacturer[32];
    word flags;
    char description[32];
    unsigned char version[2];
};
struct session_info { word slot, state, flags, error; };

static char description[33];
static word initialize_flags;
static volatile int inside;
static int lists_asked;
static word sessions;

static void describe(const char *text) {
    memset(description, ' ', 32);
    memcpy(description, text, strlen(text) < 32 ? strlen(text) : 32);
}

static word initialize(struct arguments *arguments) {
    initialize_flags = arguments->flags;
    describe(arguments->reserved ? arguments->reserved : "no arguments");
    return OK;
}

static word finalize(void *reserved) {
    (void)reserved;
    return inside ? GENERAL_ERROR : OK;
}

/* The arguments and the flags of C_Initialize. */
static word get_info(struct info *info) {
    memset(info, 0, sizeof *info);
    info->cryptoki[0] = 2;
    info->cryptoki[1] = 40;
    memset(info->manufacturer, ' ', 32);
    memcpy(info->manufacturer, "odd \xff", 5);
    memcpy(info->description, description, 32);
    info->version[1] = (unsigned char)initialize_flags;
    return OK;
}

/* One slot when it is asked how many there are, two when it is asked which. */
static word get_slot_list(unsigned char present, word *list, word *count) {
    (void)present;
    word slots = lists_asked++ == 0 ? 1 : 2;
    word room = *count;
    *count = slots;
    if (!list) return OK;
    if (room < slots) return BUFFER_TOO_SMALL;
    for (word i = 0; i < slots; i++) list[i] = 7 + i;
    return OK;
}

static word open_session(word slot, word flags, void *application, void *notify, word *handle) {
    (void)slot, (void)flags, (void)application, (void)notify;
    *handle = 100 + ++sessions;
    return OK;
}

static word close_session(word session) {
    (void)session;
    sessions--;
    return OK;
}

/* The state is the number of open sessions. */
static word get_session_info(word session, struct session_info *info) {
    (void)session;
    info->state = sessions;
    return OK;
}

static word give(struct attribute *row, const void *value, word len) {
    if (row->value && row->len < len) return BUFFER_TOO_SMALL;
    if (row->value) memcpy(row->value, value, len);
    row->len = len;
    return OK;
}

static word one(struct attribute *row) {
    word class = 4;
    unsigned int half = 0x1f;
    unsigned char truth = 0xff;
    switch (row->type) {
    case CLASS: return give(row, &class, sizeof class);
    case LABEL: return give(row, "odd", 3);
    case KEY_TYPE: return give(row, &half, sizeof half);
    case SENSITIVE: return give(row, &truth, 1);
    case START_DATE: return give(row, "????????", 8);
    default: row->len = UNAVAILABLE; return ATTRIBUTE_TYPE_INVALID;
    }
}

/* By the handle: 1 takes one attribute at a time, 2 gives up at the first that it has not, 3 does
   not answer, 4 is away, all others behave. */
static word get_attribute_value(word session, word object, struct attribute *rows, word count) {
    (void)session;
    word answer = OK;
    if (object == 1 && count > 1) return FUNCTION_FAILED;
    if (object == 3) return GENERAL_ERROR;
    if (object == 4) return DEVICE_REMOVED;
    for (word i = 0; i < count; i++) {
        word result = one(&rows[i]);
        if (result != OK) answer = result;
        if (result != OK && object == 2) break;
    }
    return answer;
}

/* Eight objects more than there is room for. */
static word find_objects(word session, word *list, word most, word *count) {
    (void)session, (void)list;
    *count = most + 8;
    return OK;
}

static word find_objects_init(word session, void *template, word count) {
    (void)session, (void)template, (void)count;
    return OK;
}

static word find_objects_final(word session) {
    (void)session;
    return OK;
}

static word sign_init(word session, void *mechanism, word key) {
    (void)session, (void)mechanism, (void)key;
    return OK;
}

/* By the first byte of the data. */
static word sign(word session, unsigned char *data, word len, unsigned char *to, word *to_len) {
    (void)session, (void)len, (void)to;
    switch (data[0]) {
    case 0: return VENDOR;
    case 1: *to_len += 1; return OK;
    default: return NOT_INITIALIZED;
    }
}

/* Notices who comes while another is there. */
static word generate_random(word session, unsigned char *to, word len) {
    (void)session;
    if (inside++) return GENERAL_ERROR;
    usleep(500);
    memset(to, 7, len);
    inside--;
    return OK;
}

static word seed_random(word session, unsigned char *seed, word len) {
    (void)session, (void)seed, (void)len;
    inside++;
    usleep(300000);
    inside--;
    return OK;
}

static word get_function_list(void **list);

static struct { unsigned char version[2]; void *functions[68]; } list = {
    { 2, 40 },
    {
        [0] = initialize, [1] = finalize, [2] = get_info, [3] = get_function_list,
        [4] = get_slot_list, [12] = open_session, [13] = close_session, [15] = get_session_info,
        [24] = get_attribute_value, [26] = find_objects_init, [27] = find_objects,
        [28] = find_objects_final,
        [42] = sign_init, [43] = sign, [63] = seed_random, [64] = generate_random,
    },
};

static word get_function_list(void **to) {
    *to = &list;
    return OK;
}

#ifndef NAME
#define NAME C_GetFunctionList
#endif
word NAME(void **to) {
#ifdef VERSION
    list.version[0] = VERSION;
#endif
    return get_function_list(to);
}

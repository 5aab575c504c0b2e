/* Gives the module PINs and keys. `secrets MODULE` searches its own memory for them, but no stack;
 * `secrets MODULE abort|wait MOMENT` stops at that moment, for its core to be searched. The program
 * itself never has a secret in the clear but for the length of a call: `planted.h`, which the test
 * writes, holds them masked. Values of keys that the module generates are printed masked. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "planted.h"

typedef unsigned long number;
typedef number (*call)();
struct attribute { number type; void *value; number length; };
struct mechanism { number type; void *parameter; number length; };

/* Where secrets are in the clear while a call has them. */
static unsigned char clear[4096];

static void wipe(void *memory, number length)
{
    volatile unsigned char *bytes = memory;
    while (length--)
        *bytes++ = 0;
}

static void reveal(unsigned char *into, const struct planted *secret)
{
    for (number i = 0; i < secret->length; i++)
        into[i] = secret->masked[i] ^ MASK;
}

/* How often 16 bytes that begin at `at` in a secret, backwards if it steps so, are in memory. */
static number occurrences(const unsigned char *from, number length, const unsigned char *at, long step)
{
    number found = 0;
    const unsigned char *end = from + length;
    while (from + WINDOW <= end && (from = memchr(from, *at ^ MASK, end - from - WINDOW + 1))) {
        number same = 1;
        while (same < WINDOW && (from[same] ^ MASK) == at[step * (long)same])
            same++;
        found += same == WINDOW;
        from++;
    }
    return found;
}

static number search_mapping(const unsigned char *from, number length, const char *name, const char *when)
{
    number all = 0;
    for (number s = 0; s < sizeof secrets / sizeof *secrets; s++) {
        const struct planted *secret = &secrets[s];
        number found = 0;
        /* As it is, and as the engine keeps numbers: the last byte first. */
        for (number at = 0; at + WINDOW <= secret->length; at += WINDOW)
            found += occurrences(from, length, secret->masked + at, 1) +
                     occurrences(from, length, secret->masked + at + WINDOW - 1, -1);
        if (found)
            printf("%s: %lu of %s in %s\n", when, found, secret->name, name);
        all += found;
    }
    return all;
}

/* What is searched of the memory that can be read, stacks apart. */
enum extent { DUMPABLE, SWAPPABLE, EVERYTHING };

/* Whether a mapping with these flags (proc(5), VmFlags) belongs to it: dd is not dumped, lo is locked
 * into RAM. */
static int belongs(enum extent extent, const char *flags)
{
    return extent == EVERYTHING || !strstr(flags, extent == DUMPABLE ? " dd" : " lo");
}

static number search(const char *when, enum extent extent)
{
    static char line[512], name[256];
    number first, end, from = 0, to = 0, found = 0, readable = 0, bytes = 0;
    FILE *maps = fopen("/proc/self/smaps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        char access[8] = "", path[256] = "anonymous memory";
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255[^\n]", &first, &end, access, path) >= 3) {
            from = first, to = end;
            readable = access[0] == 'r' && !strstr(path, "[stack]") && !strstr(path, "[v");
            strcpy(name, path);
        } else if (!strncmp(line, "VmFlags:", 8) && readable && belongs(extent, line)) {
            found += search_mapping((unsigned char *)from, to - from, name, when);
            bytes += to - from;
        }
    }
    if (maps)
        fclose(maps);
    printf("searched %lu\n%s: %lu\n", bytes, when, found);
    fflush(stdout);
    return found;
}

static void *module;

static call function(const char *name)
{
    return (call)dlsym(module, name);
}

static void must(number answer, const char *what)
{
    if (answer) {
        printf("%s: 0x%lx\n", what, answer);
        exit(2);
    }
}

static number session, other, slot;

static number pin_call(const char *name, const struct planted *pin, int user)
{
    reveal(clear, pin);
    number answer = user < 0 ? function(name)(session, clear, pin->length)
                             : function(name)(session, (number)user, clear, pin->length);
    wipe(clear, sizeof clear);
    return answer;
}

/* A sensitive token key: public attributes of the caller's, and secrets by number. */
static number import(struct attribute *template, number count, const number (*parts)[2], number part_count)
{
    unsigned char *free_space = clear;
    for (number i = 0; i < part_count; i++) {
        const struct planted *secret = &secrets[parts[i][1]];
        reveal(free_space, secret);
        template[count++] = (struct attribute){ parts[i][0], free_space, secret->length };
        free_space += secret->length;
    }
    number key = 0;
    must(function("C_CreateObject")(session, template, count, &key), "C_CreateObject");
    wipe(clear, sizeof clear);
    return key;
}

/* A mechanism without parameter, on data of 32 bytes or, to decrypt with RSA, 256. */
static void use_in(number in, const char *name, struct mechanism mechanism, number key, number length)
{
    unsigned char data[256] = "what is signed and encrypted", out[512];
    char init[64];
    number room = sizeof out;
    snprintf(init, sizeof init, "%sInit", name);
    must(function(init)(in, &mechanism, key), init);
    must(function(name)(in, data, length, out, &room), name);
}

static void use(const char *name, number type, number key)
{
    use_in(session, name, (struct mechanism){ type, 0, 0 }, key, 32);
}

/* memcpy leaves what it copied in vector registers: here, what the module was told to give away. */
static void clear_registers(void)
{
    static unsigned char from[1024], to[1024];
    volatile number length = sizeof from;
    memcpy(to, from, length);
}

/* Prints an attribute that may be read, masked. */
static void tell(const char *name, number key, number type)
{
    struct attribute attribute = { type, clear, sizeof clear };
    must(function("C_GetAttributeValue")(session, key, &attribute, (number)1), "C_GetAttributeValue");
    for (number i = 0; i < attribute.length; i++)
        clear[i] ^= MASK;
    printf("generated %s ", name);
    for (number i = 0; i < attribute.length; i++)
        printf("%02x", clear[i]);
    puts("");
    wipe(clear, sizeof clear);
    clear_registers();
}

static number aes, wrapping, hmac, rsa, ec, new_aes, new_hmac, new_rsa, new_ec;

static unsigned char yes = 1, no = 0, initial[16];
static unsigned char p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

static void import_keys(void)
{
    number class = 4, type = 0x1f;
    struct attribute template[16] = {
        { 0x0, &class, sizeof class }, { 0x100, &type, sizeof type }, { 0x1, &yes, 1 }, { 0x103, &yes, 1 },
        { 0x104, &yes, 1 },            { 0x105, &yes, 1 },            { 0x106, &yes, 1 },
        { 0x107, &yes, 1 },            { 0x108, &yes, 1 },
    };
    aes = import(template, 9, (const number[][2]){ { 0x11, AES_VALUE } }, 1);
    wrapping = import(template, 9, (const number[][2]){ { 0x11, WRAPPING_VALUE } }, 1);
    type = 0x10;
    hmac = import(template, 9, (const number[][2]){ { 0x11, HMAC_VALUE } }, 1);
    class = 3, type = 0;
    template[4] = (struct attribute){ 0x108, &yes, 1 };
    template[5] = (struct attribute){ 0x105, &yes, 1 };
    template[6] = (struct attribute){ 0x120, modulus, sizeof modulus };
    template[7] = (struct attribute){ 0x122, (unsigned char[]){ 1, 0, 1 }, 3 };
    rsa = import(template, 8,
                 (const number[][2]){ { 0x123, RSA_EXPONENT }, { 0x124, RSA_PRIME_1 }, { 0x125, RSA_PRIME_2 },
                                      { 0x126, RSA_EXPONENT_1 }, { 0x127, RSA_EXPONENT_2 },
                                      { 0x128, RSA_COEFFICIENT } },
                 6);
    type = 3;
    template[5] = (struct attribute){ 0x10c, &yes, 1 };
    template[6] = (struct attribute){ 0x180, p256, sizeof p256 };
    ec = import(template, 7, (const number[][2]){ { 0x11, EC_VALUE } }, 1);
}

/* Keys of the module's own making, which may be read: so the search knows them too. */
static void generate_keys(void)
{
    number length = 32, bits = 2048, public;
    struct attribute secret[] = {
        { 0x1, &yes, 1 },   { 0x103, &no, 1 },  { 0x162, &yes, 1 }, { 0x161, &length, sizeof length },
        { 0x104, &yes, 1 }, { 0x105, &yes, 1 }, { 0x108, &yes, 1 },
    };
    struct attribute private[] = { { 0x1, &yes, 1 }, { 0x103, &no, 1 }, { 0x162, &yes, 1 }, { 0x108, &yes, 1 } };
    struct attribute curve[] = { { 0x180, p256, sizeof p256 } };
    struct attribute size[] = { { 0x121, &bits, sizeof bits } };
    struct mechanism mechanism = { 0x1080, 0, 0 };
    must(function("C_GenerateKey")(session, &mechanism, secret, (number)7, &new_aes), "an AES key");
    mechanism.type = 0x350;
    must(function("C_GenerateKey")(session, &mechanism, secret, (number)7, &new_hmac), "an HMAC key");
    mechanism.type = 0x1040;
    must(function("C_GenerateKeyPair")(session, &mechanism, curve, (number)1, private, (number)4, &public, &new_ec), "an EC pair");
    mechanism.type = 0;
    must(function("C_GenerateKeyPair")(session, &mechanism, size, (number)1, private, (number)4, &public, &new_rsa), "an RSA pair");
    tell("AES_VALUE", new_aes, 0x11);
    tell("HMAC_VALUE", new_hmac, 0x11);
    tell("EC_VALUE", new_ec, 0x11);
    tell("RSA_EXPONENT", new_rsa, 0x123);
    tell("RSA_PRIME_1", new_rsa, 0x124);
    tell("RSA_PRIME_2", new_rsa, 0x125);
    tell("RSA_EXPONENT_1", new_rsa, 0x126);
    tell("RSA_EXPONENT_2", new_rsa, 0x127);
    tell("RSA_COEFFICIENT", new_rsa, 0x128);
}

static void derive(void)
{
    struct { number kdf, shared_length; void *shared; number length; void *public; } params = { 1, 0, 0, sizeof peer, peer };
    struct mechanism mechanism = { 0x1050, &params, sizeof params };
    number class = 4, type = 0x10, secret;
    struct attribute template[] = { { 0x0, &class, sizeof class }, { 0x100, &type, sizeof type }, { 0x103, &yes, 1 } };
    must(function("C_DeriveKey")(session, &mechanism, ec, template, (number)3, &secret), "C_DeriveKey");
}

/* AES under AES, out of the token and in again. */
static void wrap(void)
{
    unsigned char wrapped[64];
    number room = sizeof wrapped, class = 4, type = 0x1f, key;
    struct mechanism mechanism = { 0x2109, 0, 0 };
    struct attribute template[] = { { 0x0, &class, sizeof class }, { 0x100, &type, sizeof type }, { 0x103, &yes, 1 } };
    must(function("C_WrapKey")(session, &mechanism, wrapping, new_hmac, wrapped, &room), "C_WrapKey");
    must(function("C_UnwrapKey")(session, &mechanism, wrapping, wrapped, room, template, (number)3, &key), "C_UnwrapKey");
}

static void use_keys(void)
{
    struct { number hash, mgf, salt; } pss = { 0x250, 2, 32 };
    struct mechanism cbc = { 0x1082, initial, sizeof initial }, with_pss = { 0x43, &pss, sizeof pss };
    const number pairs[][4] = { { aes, hmac, rsa, ec }, { new_aes, new_hmac, new_rsa, new_ec } };
    for (int pair = 0; pair < 2; pair++) {
        const number *keys = pairs[pair];
        use("C_Encrypt", 0x1081, keys[0]);
        use("C_Decrypt", 0x1081, keys[0]);
        use_in(session, "C_Encrypt", cbc, keys[0], 32);
        use_in(session, "C_Decrypt", cbc, keys[0], 32);
        use("C_Sign", 0x108a, keys[0]);
        const number codes[] = { 0x221, 0x251, 0x271, 0x2b1 };
        for (int code = 0; code < 4; code++)
            use("C_Sign", codes[code], keys[1]);
        use("C_Sign", 0x1, keys[2]);
        use("C_Sign", 0x40, keys[2]);
        use_in(session, "C_Sign", with_pss, keys[2], 32);
        use("C_Sign", 0x1041, keys[3]);
        use("C_Sign", 0x1044, keys[3]);
    }
    use_in(session, "C_Decrypt", (struct mechanism){ 0x1, 0, 0 }, rsa, 256);
    derive();
    wrap();
}

/* Operations under way: a cipher, a MAC, and a digest that has taken a key. */
static void begin(void)
{
    unsigned char data[20] = "the first part", out[64];
    number room = sizeof out;
    struct mechanism cbc = { 0x1082, initial, sizeof initial }, mac = { 0x251, 0, 0 }, digest = { 0x250, 0, 0 };
    must(function("C_EncryptInit")(session, &cbc, aes), "C_EncryptInit");
    must(function("C_EncryptUpdate")(session, data, (number)sizeof data, out, &room), "C_EncryptUpdate");
    must(function("C_SignInit")(session, &mac, hmac), "C_SignInit");
    must(function("C_SignUpdate")(session, data, (number)sizeof data), "C_SignUpdate");
    must(function("C_OpenSession")(slot, (number)4, (void *)0, (void *)0, &other), "C_OpenSession");
    must(function("C_SignInit")(other, &mac, new_hmac), "C_SignInit");
    must(function("C_DecryptInit")(other, &cbc, new_aes), "C_DecryptInit");
    must(function("C_DigestInit")(session, &digest), "C_DigestInit");
    must(function("C_DigestKey")(session, new_hmac), "C_DigestKey");
}

static void end(void)
{
    unsigned char out[64];
    number room = sizeof out;
    must(function("C_SignFinal")(session, out, &room), "C_SignFinal");
    room = sizeof out;
    must(function("C_DigestFinal")(session, out, &room), "C_DigestFinal");
    /* Logging out ends the ciphers, and what the other session does. */
}

/* Computes for ever. */
static void *compute(void *nothing)
{
    pthread_attr_t attributes;
    void *stack;
    size_t size;
    number own;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &stack, &size);
    must(function("C_OpenSession")(slot, (number)6, (void *)0, (void *)0, &own), "C_OpenSession");
    printf("computing %lx-%lx\n", (number)stack, (number)stack + size);
    fflush(stdout);
    for (;;) {
        use_in(own, "C_Sign", (struct mechanism){ 0x40, 0, 0 }, rsa, 32);
        use_in(own, "C_Sign", (struct mechanism){ 0x1044, 0, 0 }, ec, 32);
        use_in(own, "C_Sign", (struct mechanism){ 0x251, 0, 0 }, hmac, 32);
        use_in(own, "C_Encrypt", (struct mechanism){ 0x1081, 0, 0 }, aes, 32);
    }
    return nothing;
}

static const char *how = "", *when = "";

/* Ends the process here, or lets another program look at it, if this is the moment. */
static void moment(const char *now)
{
    static char line[512];
    if (strcmp(when, now))
        return;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        printf("map %s", line);
    puts("here");
    fflush(stdout);
    if (!strcmp(how, "abort"))
        abort();
    for (;;)
        pause();
}

/* Everything that is not left out of it by name shall be in the core: also what files hold. */
static void allow_cores(void)
{
    struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
    FILE *filter = fopen("/proc/self/coredump_filter", "w");
    if (filter) {
        fputs("0x7f", filter);
        fclose(filter);
    }
    setrlimit(RLIMIT_CORE, &unlimited);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

int main(int count, char **arguments)
{
    unsigned char *ordinary = malloc(secrets[AES_VALUE].length);
    number slots = 1, found = 0;
    pthread_t thread;
    if (count > 3) {
        how = arguments[2], when = arguments[3];
        allow_cores();
    }
    reveal(ordinary, &secrets[AES_VALUE]);
    moment("planted");
    if (!*when && (!search("planted", DUMPABLE) || !search("planted, to be swapped", SWAPPABLE)))
        return 3;
    wipe(ordinary, secrets[AES_VALUE].length);
    free(ordinary);
    moment("wiped");
    if (!*when)
        found += search("wiped", EVERYTHING);

    module = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        puts(dlerror());
        return 1;
    }
    must(function("C_Initialize")((void *)0), "C_Initialize");
    must(function("C_GetSlotList")((number)0, &slot, &slots), "C_GetSlotList");
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    reveal(clear, &secrets[SO_PIN]);
    must(function("C_InitToken")(slot, clear, secrets[SO_PIN].length, label), "C_InitToken");
    wipe(clear, sizeof clear);
    must(function("C_OpenSession")(slot, (number)6, (void *)0, (void *)0, &session), "C_OpenSession");
    must(pin_call("C_Login", &secrets[SO_PIN], 0), "C_Login of the SO");
    must(pin_call("C_InitPIN", &secrets[USER_PIN], -1), "C_InitPIN");
    moment("officer");
    must(function("C_Logout")(session), "C_Logout of the SO");
    /* The PIN of the other is a wrong one: an error that could tell it. */
    if (pin_call("C_Login", &secrets[SO_PIN], 1) != 0xa0)
        return 4;
    moment("refused");
    must(pin_call("C_Login", &secrets[USER_PIN], 1), "C_Login");
    moment("logged in");
    import_keys();
    moment("imported");
    generate_keys();
    moment("generated");
    use_keys();
    moment("used");
    begin();
    moment("operating");
    if (!*when)
        found += search("operating", DUMPABLE);
    if (!*when)
        search("operating, to be swapped", SWAPPABLE);
    end();
    moment("ended");
    if (!strcmp(when, "computing")) {
        pthread_create(&thread, 0, compute, 0);
        usleep(200 * 1000);
        moment("computing");
    }
    must(function("C_Logout")(session), "C_Logout");
    moment("logged out");
    if (!*when)
        found += search("logged out", EVERYTHING);
    must(function("C_Finalize")((void *)0), "C_Finalize");
    moment("finalized");
    if (!*when)
        found += search("finalized", EVERYTHING);
    return found ? 5 : 0;
}

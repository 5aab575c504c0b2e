/* Gives the module PINs and keys, and searches the memory of the process for them. The program itself
 * never has one in the clear but for the length of a call: `planted.h`, which the test writes, holds
 * them masked. Stacks are not searched (docs/threat-model.md). */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Searches what a core dump would hold, or everything that can be read. */
static number search(const char *when, int everything)
{
    static char line[512], name[256];
    number first, end, from = 0, to = 0, found = 0, readable = 0;
    FILE *maps = fopen("/proc/self/smaps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        char access[8] = "", path[256] = "anonymous memory";
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255[^\n]", &first, &end, access, path) >= 3) {
            from = first, to = end;
            readable = access[0] == 'r' && !strstr(path, "[stack]") && !strstr(path, "[v");
            strcpy(name, path);
        } else if (!strncmp(line, "VmFlags:", 8) && readable && (everything || !strstr(line, " dd"))) {
            found += search_mapping((unsigned char *)from, to - from, name, when);
        }
    }
    if (maps)
        fclose(maps);
    printf("%s: %lu\n", when, found);
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

static number session;

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

static void use(const char *name, number type, number key)
{
    struct mechanism mechanism = { type, 0, 0 };
    unsigned char data[32] = "what is signed and encrypted", out[512];
    char init[64];
    number length = sizeof out;
    snprintf(init, sizeof init, "%sInit", name);
    must(function(init)(session, &mechanism, key), init);
    must(function(name)(session, data, (number)sizeof data, out, &length), name);
}

int main(int count, char **arguments)
{
    unsigned char yes = 1, *ordinary = malloc(secrets[AES_VALUE].length);
    number class, type, slot, slots = 1, found = 0;
    reveal(ordinary, &secrets[AES_VALUE]);
    if (!search("planted", 0))
        return 3;
    wipe(ordinary, secrets[AES_VALUE].length);
    free(ordinary);
    found += search("wiped", 1);

    module = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL);
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
    must(function("C_Logout")(session), "C_Logout of the SO");
    /* The PIN of the other is a wrong one: an error that could tell it. */
    if (pin_call("C_Login", &secrets[SO_PIN], 1) != 0xa0)
        return 4;
    must(pin_call("C_Login", &secrets[USER_PIN], 1), "C_Login");

    struct attribute template[16] = {
        { 0x0, &class, sizeof class }, { 0x100, &type, sizeof type }, { 0x1, &yes, 1 }, { 0x103, &yes, 1 },
    };
    class = 4, type = 0x1f;
    template[4] = (struct attribute){ 0x104, &yes, 1 };
    number aes = import(template, 5, (const number[][2]){ { 0x11, AES_VALUE } }, 1);
    type = 0x10;
    template[4] = (struct attribute){ 0x108, &yes, 1 };
    number hmac = import(template, 5, (const number[][2]){ { 0x11, HMAC_VALUE } }, 1);
    class = 3, type = 0;
    template[5] = (struct attribute){ 0x120, modulus, sizeof modulus };
    template[6] = (struct attribute){ 0x122, (unsigned char[]){ 1, 0, 1 }, 3 };
    number rsa = import(template, 7,
                        (const number[][2]){ { 0x123, RSA_EXPONENT }, { 0x124, RSA_PRIME_1 },
                                             { 0x125, RSA_PRIME_2 }, { 0x126, RSA_EXPONENT_1 },
                                             { 0x127, RSA_EXPONENT_2 }, { 0x128, RSA_COEFFICIENT } },
                        6);
    for (int round = 0; round < 3; round++) {
        use("C_Encrypt", 0x1081, aes);
        use("C_Sign", 0x251, hmac);
        use("C_Sign", 0x40, rsa);
    }
    found += search("logged in", 0);
    must(function("C_Logout")(session), "C_Logout");
    found += search("logged out", 1);
    must(function("C_Finalize")((void *)0), "C_Finalize");
    found += search("finalized", 1);
    return found ? 5 : 0;
}

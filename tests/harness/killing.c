/* Stands between keyway and a PKCS#11 module, and kills the process in the place of the n-th call that
 * would change the token: KEYWAY_TEST_REAL names the module, KEYWAY_TEST_KILL is n. The numbers are
 * the places of the functions in CK_FUNCTION_LIST (PKCS #11 2.40, pkcs11f.h). */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long word;
typedef word (*function)(word, word, word, word, word, word, word, word);

struct list {
    unsigned char version[2];
    function functions[68];
};

static struct list *real;
static struct list ours;
static long left;

static void step(void)
{
    if (left > 0 && --left == 0)
        kill(getpid(), SIGKILL);
}

#define CHANGING(place)                                                                            \
    static word call_##place(word a, word b, word c, word d, word e, word f, word g, word h)       \
    {                                                                                              \
        step();                                                                                    \
        return real->functions[place](a, b, c, d, e, f, g, h);                                     \
    }

CHANGING(20) /* C_CreateObject */
CHANGING(21) /* C_CopyObject */
CHANGING(22) /* C_DestroyObject */
CHANGING(25) /* C_SetAttributeValue */
CHANGING(58) /* C_GenerateKey */
CHANGING(59) /* C_GenerateKeyPair */

word C_GetFunctionList(struct list **answer)
{
    if (real == NULL) {
        const char *count = getenv("KEYWAY_TEST_KILL");
        void *module = dlopen(getenv("KEYWAY_TEST_REAL"), RTLD_NOW | RTLD_LOCAL);
        if (module == NULL)
            abort();
        word (*get)(struct list **) = (word (*)(struct list **))dlsym(module, "C_GetFunctionList");
        if (get == NULL || get(&real) != 0)
            abort();
        left = count == NULL ? 0 : atol(count);
        memcpy(&ours, real, sizeof ours);
        ours.functions[3] = (function)(void (*)(void))C_GetFunctionList;
        ours.functions[20] = call_20;
        ours.functions[21] = call_21;
        ours.functions[22] = call_22;
        ours.functions[25] = call_25;
        ours.functions[58] = call_58;
        ours.functions[59] = call_59;
    }
    *answer = &ours;
    return 0;
}

/* Opens a session and leaves everything to its exit handlers. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef unsigned long rv;
extern rv (*late_random)(unsigned long, unsigned char *, unsigned long);
extern rv (*late_close)(unsigned long);
extern rv (*late_finalize)(void *);
extern unsigned long late_session, late_slot;

static void at_exit(void)
{
    unsigned char bytes[16];
    printf("atexit: random 0x%lx\n", late_random(late_session, bytes, sizeof bytes));
}

int main(int count, char **arguments)
{
    unsigned char bytes[16];
    unsigned long slots[8], slot_count = 8;
    /* Registered before the module is loaded: runs after whatever the module registers. */
    atexit(at_exit);
    void *module = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        puts(dlerror());
        return 1;
    }
    rv (*initialize)(void *) = (rv (*)(void *))dlsym(module, "C_Initialize");
    rv (*slot_list)(unsigned char, unsigned long *, unsigned long *) =
        (rv (*)(unsigned char, unsigned long *, unsigned long *))dlsym(module, "C_GetSlotList");
    rv (*open)(unsigned long, unsigned long, void *, void *, unsigned long *) =
        (rv (*)(unsigned long, unsigned long, void *, void *, unsigned long *))dlsym(module, "C_OpenSession");
    late_random = (rv (*)(unsigned long, unsigned char *, unsigned long))dlsym(module, "C_GenerateRandom");
    late_close = (rv (*)(unsigned long))dlsym(module, "C_CloseAllSessions");
    late_finalize = (rv (*)(void *))dlsym(module, "C_Finalize");
    if (initialize(0) || slot_list(1, slots, &slot_count) || !slot_count)
        return 2;
    late_slot = slots[0];
    if (open(late_slot, 4, 0, 0, &late_session) || late_random(late_session, bytes, sizeof bytes))
        return 3;
    return 0;
}

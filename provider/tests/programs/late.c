/* A library whose destructor calls the module through what the program told it. */
#include <stdio.h>

typedef unsigned long rv;
rv (*late_random)(unsigned long, unsigned char *, unsigned long);
rv (*late_close)(unsigned long);
rv (*late_finalize)(void *);
unsigned long late_session, late_slot;

__attribute__((destructor)) static void late(void)
{
    unsigned char bytes[16];
    if (!late_random)
        return;
    printf("destructor: random 0x%lx\n", late_random(late_session, bytes, sizeof bytes));
    printf("destructor: close 0x%lx\n", late_close(late_slot));
    printf("destructor: finalize 0x%lx\n", late_finalize(0));
    fflush(stdout);
}

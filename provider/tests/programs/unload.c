/* Unloads the module while eight threads use it, lets them go on and end, and loads it again. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

typedef unsigned long rv;
struct mechanism {
    unsigned long type;
    void *parameter;
    unsigned long length;
};

static rv (*open_session)(unsigned long, unsigned long, void *, void *, unsigned long *);
static rv (*random_bytes)(unsigned long, unsigned char *, unsigned long);
static rv (*digest_init)(unsigned long, struct mechanism *);
static rv (*digest)(unsigned long, unsigned char *, unsigned long, unsigned char *, unsigned long *);
static unsigned long slot;
static atomic_int stop, failures;
static atomic_long calls;

static void *work(void *nothing)
{
    unsigned long session;
    struct mechanism sha256 = {0x250, 0, 0};
    (void)nothing;
    if (open_session(slot, 4, 0, 0, &session)) {
        failures++;
        return 0;
    }
    while (!stop) {
        unsigned char bytes[64], hash[32];
        unsigned long length = sizeof hash;
        if (random_bytes(session, bytes, sizeof bytes) || digest_init(session, &sha256) ||
            digest(session, bytes, sizeof bytes, hash, &length) || length != 32)
            failures++;
        calls++;
    }
    return 0;
}

int main(int count, char **arguments)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    unsigned long slots[8], slot_count = 8;
    void *module = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        puts(dlerror());
        return 1;
    }
    *(void **)&open_session = dlsym(module, "C_OpenSession");
    *(void **)&random_bytes = dlsym(module, "C_GenerateRandom");
    *(void **)&digest_init = dlsym(module, "C_DigestInit");
    *(void **)&digest = dlsym(module, "C_Digest");
    rv (*initialize)(void *), (*finalize)(void *);
    rv (*slot_list)(unsigned char, unsigned long *, unsigned long *);
    *(void **)&initialize = dlsym(module, "C_Initialize");
    *(void **)&finalize = dlsym(module, "C_Finalize");
    *(void **)&slot_list = dlsym(module, "C_GetSlotList");
    if (initialize(0) || slot_list(1, slots, &slot_count) || !slot_count)
        return 2;
    slot = slots[0];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], 0, work, 0))
            return 3;
    while (calls < 1000 && !failures)
        usleep(1000);
    long before = calls;
    printf("dlclose %d\n", dlclose(module));
    while (calls < before + 1000 && !failures)
        usleep(1000);
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], 0);
    printf("failures %d\n", failures);
    module = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL);
    *(void **)&initialize = dlsym(module, "C_Initialize");
    printf("again 0x%lx\n", initialize(0));
    printf("finalize 0x%lx\n", finalize(0));
    return 0;
}

/* Tells that the process runs its destructors. Of all destructors in this library this one runs
 * first, because it is linked last (build.rs): AWS-LC's own lock its random state for ever, and no
 * call may reach the engine after them. */
__attribute__((visibility("hidden"))) unsigned char keyway_exiting;

__attribute__((destructor)) static void exiting(void)
{
    __atomic_store_n(&keyway_exiting, 1, __ATOMIC_RELAXED);
}

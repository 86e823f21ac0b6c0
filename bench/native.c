/* A kernel as native code, for what an interpreter is compared with: module.c is what wasm2c made of it. Has
 * the command line of the other bench programs; ENGINE and KERNEL are ignored, as each kernel is a program of
 * its own:
 *
 *     NAME run native KERNEL.wasm ROUNDS REPEATS */
#include "module.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t cpu_ns(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) abort();
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void run_checked(Z_kernel_instance_t *instance, u32 rounds) {
    u32 result = Z_kernelZ_run(instance, rounds);
    if (result == 0) return;
    fprintf(stderr, "run(%" PRIu32 ") gave %" PRIu32 ": a wrong result\n", rounds, result);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 6 || strcmp(argv[1], "run") != 0) {
        fprintf(stderr, "usage: %s run native KERNEL.wasm ROUNDS REPEATS\n", argv[0]);
        return 2;
    }
    Z_kernel_instance_t instance;
    wasm_rt_init();
    Z_kernel_init_module();
    Z_kernel_instantiate(&instance);
    run_checked(&instance, 1);
    for (int i = 0; i < atoi(argv[5]); i++) {
        uint64_t begin = cpu_ns();
        run_checked(&instance, (u32)atoi(argv[4]));
        printf("run %" PRIu64 "\n", cpu_ns() - begin);
    }
    Z_kernel_free(&instance);
    wasm_rt_free();
    return 0;
}

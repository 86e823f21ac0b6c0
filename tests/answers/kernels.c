/* Runs kernels of the benchmarks once each and prints what they answer, to be compared with what other builds print.
 *
 *     kernel-answers KERNEL.wasm...
 *
 * Exits with 1 where a kernel cannot be run, traps, or finds its own result wrong. */
#include "answers/answers.h"
#include "base/os.h"

#include <inttypes.h>
#include <stdlib.h>

static _Noreturn void stop(const char *path, const char *reason) {
    fprintf(stderr, "kernel-answers: %s: %s\n", path, reason);
    exit(1);
}

static uint64_t find_run(const char *path, const engine_instance *instance) {
    engine_extern found;
    engine_extern_type type;
    if (!engine_instance_export(instance, base_bytes_from_text("run"), &found, &type) ||
        type.kind != ENGINE_FUNC || type.func->param_count != 1 || type.func->params[0] != ENGINE_I32 ||
        type.func->result_count != 1 || type.func->results[0] != ENGINE_I32)
        stop(path, "there is no export \"run\" of type i32 -> i32");
    return found.func;
}

static void answer(const char *path) {
    base_error error = {0};
    base_buffer bytes = {0};
    engine_module *module = NULL;
    engine_store *store = NULL;
    engine_instance *instance = NULL;
    engine_exec *exec = NULL;
    const uint64_t one_round = engine_cell_i32(1);
    bool ready = os_read_file(path, UINT32_MAX, &bytes, &error) == BASE_OK &&
                 engine_module_load(NULL, base_buffer_bytes(&bytes), engine_features_available(), &module,
                                    &error) == BASE_OK &&
                 engine_store_new(NULL, NULL, &store) == BASE_OK &&
                 engine_instantiate(store, module, NULL, NULL, &instance, NULL, &error) == BASE_OK &&
                 engine_exec_new(store, &exec) == BASE_OK &&
                 engine_exec_start(exec, find_run(path, instance), &one_round, &error) == BASE_OK;
    if (!ready) stop(path, error.message[0] ? error.message : "no memory");
    engine_outcome outcome = engine_exec_run(exec, INT64_MAX);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    printf("%s: ", name);
    answers_write_run(stdout, outcome, exec);
    answers_write_memories(stdout, name, instance);
    if (outcome != ENGINE_FINISHED) stop(path, "it did not come to its end");
    if (engine_i32(engine_exec_results(exec)[0]) != 0) stop(path, "a wrong result");
    engine_exec_free(exec);
    engine_store_free(store);
    engine_module_release(module);
    base_buffer_free(&bytes);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fputs("usage: kernel-answers KERNEL.wasm...\n", stderr);
        return 2;
    }
    for (int i = 1; i < argc; i++) answer(argv[i]);
    return 0;
}

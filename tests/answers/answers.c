/* Owns the lines of answers.h. */
#include "answers/answers.h"

#include <inttypes.h>

/* Of larger memories only so many bytes go into the hash, because all of it would take too long. */
static const uint64_t most_hashed = 16 << 20;

static const char *type_name(engine_valtype type) {
    switch (type) {
    case ENGINE_I32: return "i32";
    case ENGINE_I64: return "i64";
    case ENGINE_F32: return "f32";
    case ENGINE_F64: return "f64";
    case ENGINE_V128: return "v128";
    default: return "ref";
    }
}

static void write_results(FILE *to, const engine_functype *type, const uint64_t *cells) {
    fputs(" returned", to);
    for (uint32_t i = 0; i < type->result_count; i++) {
        const engine_valtype result = type->results[i];
        const unsigned count = engine_cells(result);
        fprintf(to, " %s:", type_name(result));
        for (unsigned cell = count; cell-- > 0;) {
            if (result == ENGINE_I32 || result == ENGINE_F32)
                fprintf(to, "%08" PRIx32, (uint32_t)cells[cell]);
            else
                fprintf(to, "%016" PRIx64, cells[cell]);
        }
        cells += count;
    }
}

static void write_trap(FILE *to, const engine_exec *exec) {
    engine_frame frames[8];
    uint32_t depth = engine_exec_backtrace(exec, frames, 8);
    fprintf(to, " trapped: %s, %" PRIu32 " frames", engine_exec_trap_message(exec), depth);
    for (uint32_t i = 0; i < depth && i < 8; i++)
        fprintf(to, " %" PRIu32 "+0x%" PRIx64, frames[i].func_index, frames[i].code_offset);
}

void answers_write_run(FILE *to, engine_outcome outcome, const engine_exec *exec) {
    fprintf(to, "fuel %" PRIu64 ":", engine_exec_fuel_used(exec));
    if (outcome == ENGINE_FINISHED)
        write_results(to, engine_exec_type(exec), engine_exec_results(exec));
    else if (outcome == ENGINE_TRAPPED)
        write_trap(to, exec);
    else
        fputs(" does not end", to);
    fputc('\n', to);
}

/* FNV-1a, over the words of eight bytes that are not zero and where they are. */
static uint64_t hash_of(const uint8_t *bytes, uint64_t size) {
    static const uint8_t zeros[8];
    const uint64_t prime = UINT64_C(0x100000001B3);
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (uint64_t at = 0; at + sizeof zeros <= size; at += sizeof zeros) {
        if (memcmp(bytes + at, zeros, sizeof zeros) == 0) continue;
        hash = (hash ^ at) * prime;
        for (size_t i = 0; i < sizeof zeros; i++) hash = (hash ^ bytes[at + i]) * prime;
    }
    return hash;
}

void answers_write_memories(FILE *to, const char *label, const engine_instance *instance) {
    engine_memory *memory;
    for (uint32_t i = 0; (memory = engine_instance_memory(instance, i)); i++) {
        const uint64_t size = engine_memory_size(memory), hashed = size < most_hashed ? size : most_hashed;
        fprintf(to, "%s memory %" PRIu32 ": %" PRIu64 " bytes, %016" PRIx64 "\n", label, i, size,
                hash_of(engine_memory_range(memory, 0, hashed), hashed));
    }
}

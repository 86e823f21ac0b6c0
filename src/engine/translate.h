/* From validated function bodies to the code of interpreter.h. Private to the engine. */
#ifndef WPLUG_ENGINE_TRANSLATE_H
#define WPLUG_ENGINE_TRANSLATE_H

#include "engine/module.h"

/* One catch clause of a try_table: the kind as in the binary format, the tag, the slot that takes the exception's values
 * (and then the reference), and the word to go on at. */
typedef struct engine_clause {
    uint32_t kind, tag;
    uint32_t slot;
    uint32_t target;
} engine_clause;
enum { ENGINE_CATCH, ENGINE_CATCH_REF, ENGINE_CATCH_ALL, ENGINE_CATCH_ALL_REF };

/* The words [start, end) that a try_table covers. Inner ones come before outer ones. An exception that a clause takes
 * costs `cost` units, as much as all of the body: the clause's code gives back what it skips from the body's start on. */
typedef struct engine_region {
    uint32_t start, end;
    uint32_t cost;
    uint32_t first_clause, clause_count;
} engine_region;

struct engine_code {
    size_t word_count;
    uint32_t region_count, clause_count;
    engine_region *regions; /* behind the words, in the same block; then the clauses */
    engine_clause *clauses;
    engine_word words[];
};

/* Gives a function its stub. Called for every function of a module while it is loaded. */
void engine_func_prepare(engine_func *func);

/* Writes the pieces of code of engine_module.fixed. */
void engine_fixed_prepare(engine_word fixed[ENGINE_FIXED_WORDS]);

/* Frees what translation made. NULL is fine. */
void engine_code_free(engine_module *module, engine_code *code);

/* The function's code, translated now if it was not before. Any thread; two at once agree on one result.
 * Statuses: BASE_NO_MEMORY, and BASE_LIMIT for a function whose frame is too large. */
base_status engine_translate(engine_func *func, const engine_word **out, base_error *error);

/* The offset in the module's bytes of the instruction from which word `index` of the function's code was
 * made; the body's offset where that cannot be told. Translates again (without keeping the code), so that
 * nothing need be remembered for it. */
uint64_t engine_translate_locate(engine_func *func, size_t index);

#endif

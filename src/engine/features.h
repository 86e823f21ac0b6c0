/* What this build of the engine can run: the one place that says so. Private to the engine.
 *
 * Options of the build (CMakeLists.txt) leave features out. The loader then refuses modules that need them, by the
 * proposal's name, so nothing behind the loader ever meets them; what would have handled them the compiler can see to be
 * out of reach. */
#ifndef WPLUG_ENGINE_FEATURES_H
#define WPLUG_ENGINE_FEATURES_H

#include "engine/engine.h"

#ifndef WPLUG_SIMD
#define WPLUG_SIMD 1
#endif

#ifndef WPLUG_DISASSEMBLER
#define WPLUG_DISASSEMBLER 1
#endif

/* Whether vector instructions have rows in the table of instructions: the disassembler writes what cannot run too. */
#define ENGINE_KNOWS_VECTORS (WPLUG_SIMD || WPLUG_DISASSEMBLER)

#define ENGINE_FEATURES_OF_SIMD (ENGINE_FEATURE_SIMD | ENGINE_FEATURE_RELAXED_SIMD)

#define ENGINE_FEATURES_AVAILABLE                                                                            \
    (ENGINE_FEATURE_MUTABLE_GLOBALS | ENGINE_FEATURE_SIGN_EXTENSION |                                        \
     ENGINE_FEATURE_SATURATING_CONVERSIONS | ENGINE_FEATURE_MULTI_VALUE | ENGINE_FEATURE_BULK_MEMORY |       \
     ENGINE_FEATURE_REFERENCE_TYPES | ENGINE_FEATURE_EXTENDED_CONST | ENGINE_FEATURE_TAIL_CALLS |            \
     ENGINE_FEATURE_MULTI_MEMORY | ENGINE_FEATURE_MEMORY64 | ENGINE_FEATURE_EXCEPTIONS |                     \
     ENGINE_FEATURE_FUNCTION_REFERENCES | (WPLUG_SIMD ? ENGINE_FEATURES_OF_SIMD : 0))

/* Whether the build has it; a constant. */
static inline bool engine_has(engine_feature feature) {
    return (ENGINE_FEATURES_AVAILABLE & (uint32_t)feature) != 0;
}

/* Whether a value takes a vector's two slots; never, in a build without vectors. */
static inline bool engine_is_vector(engine_valtype type) {
    return engine_has(ENGINE_FEATURE_SIMD) && type == ENGINE_V128;
}

#endif

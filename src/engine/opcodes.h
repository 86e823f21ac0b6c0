/* The one list of instructions, opcodes.def, as C types: validator, translator and disassembler read it.
 *
 * An opcode's number is its byte, or its prefix's page plus its sub-opcode:
 *     0x00..0xFF      one byte
 *     0x100 + n       0xFC n    (saturating conversions, bulk memory, tables)
 *     0x200 + n       0xFD n    (SIMD, relaxed SIMD)
 */
#ifndef WPLUG_ENGINE_OPCODES_H
#define WPLUG_ENGINE_OPCODES_H

#include "engine/features.h"

/* What follows an opcode in the binary format. */
typedef enum engine_immediate {
    ENGINE_IMM_NONE,
    ENGINE_IMM_BLOCK,         /* block type */
    ENGINE_IMM_LABEL,         /* label index */
    ENGINE_IMM_LABEL_TABLE,   /* vector of labels, default label */
    ENGINE_IMM_FUNC,          /* function index */
    ENGINE_IMM_CALL_INDIRECT, /* type index, table index */
    ENGINE_IMM_TYPE,          /* type index (call_ref) */
    ENGINE_IMM_SELECT,        /* vector of value types */
    ENGINE_IMM_LOCAL,
    ENGINE_IMM_GLOBAL,
    ENGINE_IMM_TABLE,
    ENGINE_IMM_TABLE_TABLE, /* table.copy: destination, source */
    ENGINE_IMM_ELEM_TABLE,  /* table.init: segment, table */
    ENGINE_IMM_ELEM,
    ENGINE_IMM_MEMARG,      /* alignment, [memory,] offset */
    ENGINE_IMM_MEMARG_LANE, /* memarg, lane byte */
    ENGINE_IMM_MEMORY,
    ENGINE_IMM_MEMORY_MEMORY, /* memory.copy: destination, source */
    ENGINE_IMM_DATA_MEMORY,   /* memory.init: segment, memory */
    ENGINE_IMM_DATA,
    ENGINE_IMM_I32,
    ENGINE_IMM_I64,
    ENGINE_IMM_F32,
    ENGINE_IMM_F64,
    ENGINE_IMM_V128,
    ENGINE_IMM_SHUFFLE, /* sixteen lane bytes */
    ENGINE_IMM_LANE,
    ENGINE_IMM_HEAP_TYPE, /* ref.null */
    ENGINE_IMM_TAG,
    ENGINE_IMM_TRY_TABLE /* block type, vector of catch clauses */
} engine_immediate;

/* ENGINE_OP_I32_ADD and so on: the text name in capitals, '.' and '/' as '_'. */
typedef enum engine_op {
#define ENGINE_NUMBERS_OF_OPCODES
#define OP(number, NAME, text, immediate, signature, access, feature) ENGINE_OP_##NAME = number,
#include "engine/opcodes.def"
#undef OP
#undef ENGINE_NUMBERS_OF_OPCODES
    ENGINE_OP_LIMIT = ENGINE_KNOWS_VECTORS ? 0x400 : 0x200
} engine_op;

typedef struct engine_op_info {
    const char *name; /* "i32.add"; NULL for a number that is no instruction */
    const char
        *signature; /* "ii:i": operands, results: i I f F v for i32 i64 f32 f64 v128, 'm' for the address type
                       of the memory; NULL where the type depends on more than the opcode */
    uint8_t immediate; /* engine_immediate */
    uint8_t access;    /* loads and stores: log2 of the bytes accessed (also the largest alignment); else 0 */
    uint32_t feature;  /* engine_feature it belongs to; 0 for WebAssembly 1.0 */
} engine_op_info;

/* Never NULL; for a number that is no instruction, `name` is NULL. */
const engine_op_info *engine_op_get(uint32_t number);

#endif

/* Owns the table of instructions: opcodes.def laid out by number, so that a look-up is one index. */
#include "engine/opcodes.h"

static const engine_op_info op_table[] = {
#define OP(number, NAME, text, immediate_kind, signature_text, access_log2, feature_bit)                     \
    [number] = {text, signature_text, immediate_kind, access_log2, feature_bit},
#include "engine/opcodes.def"
#undef OP
};

static const engine_op_info no_such_op;

const engine_op_info *engine_op_get(uint32_t number) {
    return number < sizeof op_table / sizeof *op_table ? &op_table[number] : &no_such_op;
}

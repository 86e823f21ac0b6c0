/* A small register machine, interpreted in a loop with a switch: what a plugin with a scripting language
 * does. Three programs run on it: the longest Collatz sequence below a limit, a greatest common divisor, and
 * counting primes with an array. */
#include "kernel.h"

typedef enum opcode {
    SET,
    MOVE,
    ADD,
    SUB,
    MUL,
    DIV,
    MOD,
    AND,
    SHR,
    LOAD,
    STORE,
    JUMP,
    LESS,
    EQUAL,
    CALL,
    RETURN,
    HALT
} opcode;

/* LESS and EQUAL skip the next instruction where the comparison is false. */
typedef struct instruction {
    uint8_t op, a, b, c;
    int32_t k;
} instruction;

typedef struct machine {
    int32_t registers[16];
    int32_t memory[4096];
    uint32_t returns[32];
    uint64_t executed;
} machine;

typedef enum status { FINISHED, BAD_ADDRESS, DIVISION_BY_ZERO, TOO_DEEP, BAD_CODE } status;

static KERNEL_NOINLINE status execute(machine *m, const instruction *code, uint32_t length) {
    int32_t *r = m->registers;
    uint32_t pc = 0, depth = 0;
    while (pc < length) {
        const instruction *i = &code[pc++];
        m->executed++;
        switch ((opcode)i->op) {
        case SET: r[i->a] = i->k; break;
        case MOVE: r[i->a] = r[i->b]; break;
        case ADD: r[i->a] = r[i->b] + r[i->c] + i->k; break;
        case SUB: r[i->a] = r[i->b] - r[i->c]; break;
        case MUL: r[i->a] = (int32_t)((uint32_t)r[i->b] * (uint32_t)r[i->c]); break; /* wraps */
        case DIV:
            if (r[i->c] == 0) return DIVISION_BY_ZERO;
            r[i->a] = r[i->b] / r[i->c];
            break;
        case MOD:
            if (r[i->c] == 0) return DIVISION_BY_ZERO;
            r[i->a] = r[i->b] % r[i->c];
            break;
        case AND: r[i->a] = r[i->b] & i->k; break;
        case SHR: r[i->a] = (int32_t)((uint32_t)r[i->b] >> i->k); break;
        case LOAD:
            if ((uint32_t)r[i->b] >= 4096) return BAD_ADDRESS;
            r[i->a] = m->memory[r[i->b]];
            break;
        case STORE:
            if ((uint32_t)r[i->b] >= 4096) return BAD_ADDRESS;
            m->memory[r[i->b]] = r[i->a];
            break;
        case JUMP: pc = (uint32_t)i->k; break;
        case LESS: pc += r[i->a] < r[i->b] ? 0 : 1; break;
        case EQUAL: pc += r[i->a] == r[i->b] ? 0 : 1; break;
        case CALL:
            if (depth == 32) return TOO_DEEP;
            m->returns[depth++] = pc;
            pc = (uint32_t)i->k;
            break;
        case RETURN:
            if (depth == 0) return FINISHED;
            pc = m->returns[--depth];
            break;
        case HALT: return FINISHED;
        default: return BAD_CODE;
        }
    }
    return BAD_CODE;
}

/* r1: limit; r2: the start below it with the longest sequence, r3: the number of its steps. r0 stays 0. */
static const instruction collatz[] = {
    {SET, 10, 0, 0, 1},   {SET, 4, 0, 0, 1},                         /* 0: r4 = start */
    {LESS, 4, 1, 0, 0},   {JUMP, 0, 0, 0, 5},   {HALT, 0, 0, 0, 0},  /* 2: while start < limit */
    {CALL, 0, 0, 0, 11},                                             /* 5: r6 = steps(r4) */
    {LESS, 3, 6, 0, 0},   {JUMP, 0, 0, 0, 18},                       /* 6: longer */
    {ADD, 4, 4, 0, 1},    {JUMP, 0, 0, 0, 2},   {HALT, 0, 0, 0, 0},  /* 8: next */
    {MOVE, 5, 4, 0, 0},   {SET, 6, 0, 0, 0},                         /* 11: r5 = n, r6 = steps */
    {EQUAL, 5, 10, 0, 0}, {RETURN, 0, 0, 0, 0},                      /* 13: until n == 1 */
    {JUMP, 0, 0, 0, 21},  {HALT, 0, 0, 0, 0},   {HALT, 0, 0, 0, 0},  /* 15 */
    {MOVE, 2, 4, 0, 0},   {MOVE, 3, 6, 0, 0},   {JUMP, 0, 0, 0, 8},  /* 18: remember */
    {AND, 7, 5, 0, 1},    {ADD, 6, 6, 0, 1},                         /* 21: r7 = n & 1, one more step */
    {EQUAL, 7, 0, 0, 0},  {JUMP, 0, 0, 0, 28},                       /* 23 */
    {ADD, 8, 5, 5, 0},    {ADD, 5, 8, 5, 1},    {JUMP, 0, 0, 0, 13}, /* 25: n = 3 n + 1 */
    {SHR, 5, 5, 0, 1},    {JUMP, 0, 0, 0, 13},                       /* 28: n = n / 2 */
};

/* r1, r2: two numbers; r1 becomes their greatest common divisor, r6 their least common multiple. */
static const instruction gcd[] = {
    {MOVE, 4, 1, 0, 0}, {MOVE, 5, 2, 0, 0}, {EQUAL, 2, 0, 0, 0},
    {JUMP, 0, 0, 0, 8}, {MOD, 3, 1, 2, 0},                      /* 2: until r2 == 0 */
    {MOVE, 1, 2, 0, 0}, {MOVE, 2, 3, 0, 0}, {JUMP, 0, 0, 0, 2}, /* 5 */
    {DIV, 6, 4, 1, 0},  {MUL, 6, 6, 5, 0},  {HALT, 0, 0, 0, 0}, /* 8 */
};

/* r1: limit, at most 4096; r2: how many primes are below it. */
static const instruction primes[] = {
    {SET, 10, 0, 0, 1},   {SET, 3, 0, 0, 2},                        /* 0: r3 = candidate */
    {LESS, 3, 1, 0, 0},   {JUMP, 0, 0, 0, 5},  {HALT, 0, 0, 0, 0},  /* 2 */
    {LOAD, 4, 3, 0, 0},   {EQUAL, 4, 0, 0, 0}, {JUMP, 0, 0, 0, 10}, /* 5: not crossed out */
    {ADD, 3, 3, 0, 1},    {JUMP, 0, 0, 0, 2},                       /* 8 */
    {ADD, 2, 2, 0, 1},    {MUL, 5, 3, 3, 0},                        /* 10: r5 = multiple */
    {LESS, 5, 1, 0, 0},   {JUMP, 0, 0, 0, 15}, {JUMP, 0, 0, 0, 8},  /* 12 */
    {STORE, 10, 5, 0, 0}, {ADD, 5, 5, 3, 0},   {JUMP, 0, 0, 0, 12}, /* 15: cross out */
};

static machine m;

static void kernel_prepare(void) {}

#define RUN(program) execute(&m, program, sizeof program / sizeof *program)

static int kernel_round(void) {
    memset(&m, 0, sizeof m);
    m.registers[1] = 1000;
    if (RUN(collatz) != FINISHED) return 1;
    if (m.registers[2] != 871 || m.registers[3] != 178) return 2; /* expected.py */

    memset(&m, 0, sizeof m);
    m.registers[1] = 1836311903,
    m.registers[2] = 1134903170; /* neighbours in Fibonacci's sequence: no common one */
    if (RUN(gcd) != FINISHED || m.registers[1] != 1) return 3;
    memset(&m, 0, sizeof m);
    m.registers[1] = 1071, m.registers[2] = 462;
    if (RUN(gcd) != FINISHED || m.registers[1] != 21 || m.registers[6] != 23562) return 6; /* expected.py */

    memset(&m, 0, sizeof m);
    m.registers[1] = 4096;
    if (RUN(primes) != FINISHED) return 4;
    return m.registers[2] != 564 ? 5 : 0; /* the number of primes below 2^12: expected.py */
}

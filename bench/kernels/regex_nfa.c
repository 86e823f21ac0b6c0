/* Regular expressions without backtracking: a pattern is compiled to a program, which runs all its threads
 * side by side over the text (Thompson 1968, as Pike's machine without captures). Searches each line of a
 * log. */
#include "kernel.h"

#define LINES     150
#define MAX_CODE  256
#define TEXT_SIZE (LINES * 100)

typedef enum opcode { CHAR, ANY, SET, SPLIT, JUMP, BEGIN, END, MATCH } opcode;

typedef struct instruction {
    opcode op;
    uint8_t character;
    uint16_t x, y; /* targets; x the index of a set for SET */
} instruction;

typedef struct program {
    instruction code[MAX_CODE];
    uint16_t size;
    uint32_t sets[16][8]; /* a bit for each byte */
    uint16_t set_count;
    const char *at; /* while compiling */
    bool failed;
} program;

/* ---- Compiling ----------------------------------------------------------------------------------------- */

static uint16_t emit(program *p, instruction i) {
    if (p->size == MAX_CODE) return p->failed = true, 0;
    p->code[p->size] = i;
    return p->size++;
}

/* Makes room for one instruction before `at`: what was emitted since moves up, and with it what jumps there.
 *  */
static void open_gap(program *p, uint16_t at) {
    emit(p, (instruction){0});
    memmove(&p->code[at + 1], &p->code[at], (size_t)(p->size - 1 - at) * sizeof *p->code);
    for (uint16_t i = (uint16_t)(at + 1); i < p->size; i++) {
        instruction *moved = &p->code[i];
        if (moved->op != SPLIT && moved->op != JUMP) continue;
        if (moved->x >= at) moved->x++;
        if (moved->op == SPLIT && moved->y >= at) moved->y++;
    }
}

static void add_range(uint32_t set[8], uint8_t low, uint8_t high) {
    for (unsigned c = low; c <= high; c++) set[c / 32] |= 1u << c % 32;
}

/* \d, \w, \s; anything else stands for itself. */
static void add_class(uint32_t set[8], char class) {
    if (class == 'd' || class == 'w') add_range(set, '0', '9');
    if (class == 'w') add_range(set, 'a', 'z'), add_range(set, 'A', 'Z'), add_range(set, '_', '_');
    if (class == 's') add_range(set, ' ', ' '), add_range(set, '\t', '\r');
    if (strchr("dws", class) == NULL) add_range(set, (uint8_t)class, (uint8_t)class);
}

static void compile_set(program *p) {
    uint32_t *set = p->sets[p->set_count];
    if (p->set_count == 15)
        p->failed = true;
    else
        emit(p, (instruction){.op = SET, .x = p->set_count++});
    bool negated = *p->at == '^';
    if (negated) p->at++;
    while (*p->at != ']') {
        char c = *p->at++;
        if (c == 0) {
            p->failed = true;
            return;
        }
        if (c == '\\')
            add_class(set, *p->at++);
        else if (*p->at == '-' && p->at[1] != ']')
            add_range(set, (uint8_t)c, (uint8_t)p->at[1]), p->at += 2;
        else
            add_range(set, (uint8_t)c, (uint8_t)c);
    }
    p->at++;
    for (int i = 0; negated && i < 8; i++) set[i] = ~set[i];
}

static void compile_alternatives(program *p);

static void compile_atom(program *p) {
    char c = *p->at++;
    switch (c) {
    case '.': emit(p, (instruction){.op = ANY}); break;
    case '^': emit(p, (instruction){.op = BEGIN}); break;
    case '$': emit(p, (instruction){.op = END}); break;
    case '[': compile_set(p); break;
    case '(':
        compile_alternatives(p);
        if (*p->at == ')')
            p->at++;
        else
            p->failed = true;
        break;
    case '\\':
        add_class(p->sets[p->set_count], *p->at++);
        emit(p, (instruction){.op = SET, .x = p->set_count});
        if (p->set_count++ == 14) p->failed = true;
        break;
    default: emit(p, (instruction){.op = CHAR, .character = (uint8_t)c});
    }
}

static void compile_repeated(program *p) {
    uint16_t start = p->size;
    compile_atom(p);
    switch (*p->at) {
    case '*':
        open_gap(p, start);
        emit(p, (instruction){.op = JUMP, .x = start});
        p->code[start] = (instruction){.op = SPLIT, .x = (uint16_t)(start + 1), .y = p->size};
        break;
    case '+': emit(p, (instruction){.op = SPLIT, .x = start, .y = (uint16_t)(p->size + 1)}); break;
    case '?':
        open_gap(p, start);
        p->code[start] = (instruction){.op = SPLIT, .x = (uint16_t)(start + 1), .y = p->size};
        break;
    default: return;
    }
    p->at++;
}

static void compile_alternatives(program *p) {
    uint16_t start = p->size;
    while (*p->at != 0 && *p->at != '|' && *p->at != ')' && !p->failed) compile_repeated(p);
    if (*p->at != '|') return;
    p->at++;
    open_gap(p, start);
    uint16_t jump = emit(p, (instruction){.op = JUMP});
    p->code[start] = (instruction){.op = SPLIT, .x = (uint16_t)(start + 1), .y = p->size};
    compile_alternatives(p);
    p->code[jump].x = p->size;
}

static bool compile(program *p, const char *pattern) {
    memset(p, 0, sizeof *p);
    p->at = pattern;
    compile_alternatives(p);
    emit(p, (instruction){.op = MATCH});
    return !p->failed && *p->at == 0;
}

/* ---- Running ------------------------------------------------------------------------------------------- */

typedef struct thread_list {
    uint16_t threads[MAX_CODE];
    uint32_t count;
    uint32_t added[MAX_CODE]; /* the step in which a thread was added last */
} thread_list;

static thread_list lists[2];
static uint32_t step;

/* Follows what needs no character. */
static void add_thread(const program *p, thread_list *list, uint16_t pc, bool at_begin, bool at_end) {
    if (list->added[pc] == step) return;
    list->added[pc] = step;
    const instruction *i = &p->code[pc];
    switch (i->op) {
    case JUMP: add_thread(p, list, i->x, at_begin, at_end); break;
    case SPLIT:
        add_thread(p, list, i->x, at_begin, at_end);
        add_thread(p, list, i->y, at_begin, at_end);
        break;
    case BEGIN:
        if (at_begin) add_thread(p, list, (uint16_t)(pc + 1), at_begin, at_end);
        break;
    case END:
        if (at_end) add_thread(p, list, (uint16_t)(pc + 1), at_begin, at_end);
        break;
    default: list->threads[list->count++] = pc;
    }
}

/* Does the pattern match anywhere in the text? */
static KERNEL_NOINLINE bool search(const program *p, const char *text, size_t size) {
    thread_list *now = &lists[0], *next = &lists[1];
    now->count = 0;
    step++;
    for (size_t at = 0;; at++) {
        add_thread(p, now, 0, at == 0, at == size); /* a match may begin here */
        next->count = 0;
        step++;
        for (uint32_t i = 0; i < now->count; i++) {
            const instruction *ins = &p->code[now->threads[i]];
            if (ins->op == MATCH) return true;
            if (at == size) continue;
            uint8_t c = (uint8_t)text[at];
            bool taken = ins->op == ANY || (ins->op == CHAR && ins->character == c) ||
                         (ins->op == SET && (p->sets[ins->x][c / 32] >> c % 32 & 1));
            if (taken) add_thread(p, next, (uint16_t)(now->threads[i] + 1), false, at + 1 == size);
        }
        if (at == size) return false;
        thread_list *kept = now;
        now = next;
        next = kept;
    }
}

/* ---- The kernel ---------------------------------------------------------------------------------------- */

static char text[TEXT_SIZE];
static size_t text_size;

static void put(const char *string) {
    size_t size = strlen(string);
    memcpy(text + text_size, string, size);
    text_size += size;
}

/* A log. expected.py writes the same one. */
static void kernel_prepare(void) {
    static const char *const levels[] = {"INFO", "WARN", "ERROR", "DEBUG"};
    static const char *const parts[] = {"user=ada@example.org",
                                        "took 35 ms",
                                        "GET /index.html",
                                        "retry 3 of 5",
                                        "0x7fe0",
                                        "id=a1b2-c3d4",
                                        "aaaaaaaab",
                                        "connection to 10.0.0.7 lost"};
    uint32_t seed = 20;
    for (int line = 0; line < LINES; line++) {
        uint32_t r = kernel_random(&seed) >> 8;
        put("2024-11-22 "), put(levels[r % 4]), put(" "), put(parts[r / 4 % 8]), put("; "),
            put(parts[r / 32 % 8]);
        put(r / 256 % 3 == 0 ? ".\n" : "\n");
    }
}

static int kernel_round(void) {
    /* How many lines each pattern is found in: expected.py, with Python's re. */
    static const struct {
        const char *pattern;
        uint32_t lines;
    } searches[] = {
        {"ERROR|WARN", 71},
        {"[a-z]+@[a-z]+\\.(org|com)$", 15},
        {"\\d+\\.\\d+\\.\\d+\\.\\d+ lost", 43},
        {"^[^ ]+ (INFO|DEBUG) .*ms", 16},
        {"(a|aa)+b", 27},
        {"^took|took\\s\\d+\\sms$", 9},
        {"(x*)*y|0x[0-9a-f]+\\.?$", 60},
    };
    static program p;
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
        if (!compile(&p, searches[i].pattern)) return 10 + (int)i;
        uint32_t found = 0;
        for (size_t start = 0, end; start < text_size; start = end + 1) {
            for (end = start; text[end] != '\n'; end++) continue;
            found += search(&p, text + start, end - start);
        }
        if (found != searches[i].lines) return 20 + (int)i;
    }
    return 0;
}

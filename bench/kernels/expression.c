/* Formulas as in a spreadsheet: tokens, a parser by precedence that makes a tree in an arena, folding of
 * constants, and evaluation for many values of the variables. */
#include "kernel.h"

#include <math.h>

#define MAX_NODES 128

typedef enum kind {
    NUMBER,
    VARIABLE,
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    POWER,
    NEGATE,
    LESS,
    EQUAL,
    CALL,
    IF
} kind;

typedef struct node {
    kind kind;
    uint8_t variable; /* or function */
    double number;
    struct node *a, *b, *c;
} node;

typedef struct parser {
    const char *at;
    node *nodes;
    uint32_t count;
    bool failed;
} parser;

static const char *const functions[] = {"sqrt", "abs", "min", "max", "floor"};
enum { SQRT, ABS, MIN, MAX, FLOOR, FUNCTIONS };

static void kernel_prepare(void) {}

/* ---- Parsing ------------------------------------------------------------------------------------------- */

static node *new_node(parser *p, kind which, node *a, node *b) {
    if (p->count == MAX_NODES) p->failed = true, p->count = 0;
    node *n = &p->nodes[p->count++];
    *n = (node){.kind = which, .a = a, .b = b};
    return n;
}

static bool take(parser *p, char c) {
    while (*p->at == ' ') p->at++;
    if (*p->at != c) return false;
    p->at++;
    return true;
}

static node *parse(parser *p, int precedence);

static KERNEL_NOINLINE node *parse_number(parser *p) {
    node *n = new_node(p, NUMBER, NULL, NULL);
    double scale = 1;
    bool after_point = false;
    for (; (*p->at >= '0' && *p->at <= '9') || (*p->at == '.' && !after_point); p->at++) {
        if (*p->at == '.') {
            after_point = true;
            continue;
        }
        n->number = n->number * 10 + (*p->at - '0');
        if (after_point) scale *= 10;
    }
    n->number /= scale;
    return n;
}

/* A variable is one letter; a function has arguments. */
static KERNEL_NOINLINE node *parse_name(parser *p) {
    const char *start = p->at;
    while (*p->at >= 'a' && *p->at <= 'z') p->at++;
    size_t size = (size_t)(p->at - start);
    node *n = new_node(p, size == 1 ? VARIABLE : CALL, NULL, NULL);
    if (size == 1) {
        n->variable = (uint8_t)(*start - 'a');
        return n;
    }
    if (!take(p, '(')) p->failed = true;
    n->a = parse(p, 0);
    if (take(p, ',')) n->b = parse(p, 0);
    if (take(p, ',')) n->c = parse(p, 0);
    if (!take(p, ')')) p->failed = true;
    if (size == 2 && memcmp(start, "if", 2) == 0) {
        n->kind = IF;
        return n;
    }
    while (n->variable < FUNCTIONS &&
           (strlen(functions[n->variable]) != size || memcmp(functions[n->variable], start, size) != 0)) {
        n->variable++;
    }
    if (n->variable == FUNCTIONS) p->failed = true;
    return n;
}

static KERNEL_NOINLINE node *parse_primary(parser *p) {
    if (take(p, '(')) {
        node *inside = parse(p, 0);
        if (!take(p, ')')) p->failed = true;
        return inside;
    }
    if (take(p, '-')) return new_node(p, NEGATE, parse(p, 4), NULL); /* binds less than a power */
    if (*p->at >= '0' && *p->at <= '9') return parse_number(p);
    if (*p->at >= 'a' && *p->at <= 'z') return parse_name(p);
    p->failed = true;
    return new_node(p, NUMBER, NULL, NULL);
}

/* Takes operators that bind at least as strongly as `precedence`. */
static node *parse(parser *p, int precedence) {
    static const struct {
        char symbol;
        kind kind;
        int precedence;
        bool from_right;
    } operators[] = {{'<', LESS, 1, false},     {'=', EQUAL, 1, false},    {'+', ADD, 2, false},
                     {'-', SUBTRACT, 2, false}, {'*', MULTIPLY, 3, false}, {'/', DIVIDE, 3, false},
                     {'^', POWER, 5, true}};
    node *left = parse_primary(p);
    while (!p->failed) {
        size_t i = 0, count = sizeof operators / sizeof *operators;
        while (*p->at == ' ') p->at++;
        while (i < count && operators[i].symbol != *p->at) i++;
        if (i == count || operators[i].precedence < precedence) break;
        p->at++;
        node *right = parse(p, operators[i].precedence + !operators[i].from_right);
        left = new_node(p, operators[i].kind, left, right);
    }
    return left;
}

/* ---- Evaluating ---------------------------------------------------------------------------------------- */

static KERNEL_NOINLINE double integer_power(double base, double exponent) {
    double result = 1;
    for (int n = (int)fabs(exponent); n > 0; n >>= 1, base *= base) {
        if (n & 1) result *= base;
    }
    return exponent < 0 ? 1 / result : result;
}

static KERNEL_NOINLINE double evaluate(const node *n, const double *variables) {
    double a, b;
    switch (n->kind) {
    case NUMBER: return n->number;
    case VARIABLE: return variables[n->variable];
    case NEGATE: return -evaluate(n->a, variables);
    case IF: return evaluate(evaluate(n->a, variables) != 0 ? n->b : n->c, variables);
    case CALL:
        a = evaluate(n->a, variables);
        switch (n->variable) {
        case SQRT: return sqrt(a);
        case ABS: return fabs(a);
        case FLOOR: return floor(a);
        default: b = evaluate(n->b, variables); return n->variable == MIN ? fmin(a, b) : fmax(a, b);
        }
    default: break;
    }
    a = evaluate(n->a, variables);
    b = evaluate(n->b, variables);
    switch (n->kind) {
    case ADD: return a + b;
    case SUBTRACT: return a - b;
    case MULTIPLY: return a * b;
    case DIVIDE: return a / b;
    case LESS: return a < b;
    case EQUAL: return a == b;
    default: return integer_power(a, b);
    }
}

/* What has constants only becomes one. */
static bool fold(node *n) {
    bool constant = n->kind != VARIABLE;
    if (n->a != NULL) constant &= fold(n->a);
    if (n->b != NULL) constant &= fold(n->b);
    if (n->c != NULL) constant &= fold(n->c);
    if (constant) *n = (node){.kind = NUMBER, .number = evaluate(n, NULL)};
    return constant;
}

/* ---- The kernel ---------------------------------------------------------------------------------------- */

static int kernel_round(void) {
    /* The sums over x = 0, 0.25, ... 24.75 and y = 3 - x: expected.py, with Python's arithmetic. All
     * operations are rounded once, in the same order. */
    static const struct {
        const char *text;
        double sum;
    } formulas[] = {
        {"y * 2 ^ -2 + 9.75 / (x + 1) / 2", -168.39757224015898},
        {"if((x + 1 < 9.5) = 1, x, 8 - y - 1) + (abs(y) < 2)", 1516.5},
        {"1 + 2 * 3 - 4 / 8", 650.0},
        {"x * (y + 2) - -x ^ 2 / 4", -9203.90625},
        {"if(x < 12, sqrt(x * x + y * y), x - 2 ^ 3 ^ 2 / 64)", 879.9861158889122},
        {"max(x, y) - min(x * 2, 10) + abs(y) * floor(x / 3)", 5531.0},
        {"((x - 1) * x + 1) * x + if(floor(x) = x, 100 * (3 - 0.5), y ^ 3)", 194275.0},
    };
    static node nodes[MAX_NODES];
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++) {
        parser p = {.at = formulas[i].text, .nodes = nodes};
        node *tree = parse(&p, 0);
        if (p.failed || *p.at != 0) return 10 + (int)i;
        fold(tree);
        double sum = 0, variables[26] = {0};
        for (int k = 0; k < 100; k++) {
            variables['x' - 'a'] = k * 0.25;
            variables['y' - 'a'] = 3 - k * 0.25;
            sum += evaluate(tree, variables);
        }
        if (sum != formulas[i].sum) return 20 + (int)i;
    }
    parser p = {.at = "2 * (x + 3", .nodes = nodes};
    parse(&p, 0);
    return !p.failed ? 1 : 0;
}

/* Regular expressions by backtracking, greedy and with captures: a tree of nodes that is matched with
 * continuations. Pulls fields out of access log lines. */
#include "kernel.h"

#define LINES     120
#define MAX_NODES 64
#define GROUPS    6

typedef enum kind { CHAR, ANY, SET, REPEAT, OPEN, CLOSE, BRANCH, END } kind;

typedef struct node {
    kind kind;
    uint8_t character; /* or number of the group */
    bool negated;
    uint16_t min, max;        /* REPEAT */
    const char *set;          /* the inside of the brackets */
    const struct node *sub;   /* what is repeated: one character; the first of the branches */
    const struct node *next;  /* what comes after */
    const struct node *other; /* the other branch */
} node;

typedef struct pattern {
    node nodes[MAX_NODES];
    uint32_t count;
    const char *at;
    uint8_t groups;
} pattern;

typedef struct match {
    const char *end;
    const char *open[GROUPS], *close[GROUPS];
    uint32_t steps;
} match;

/* ---- Compiling: from the end of a sequence, each node knows what follows ------------------------------- */

static node *new_node(pattern *p, kind which) {
    node *n = &p->nodes[p->count++ % MAX_NODES];
    *n = (node){.kind = which};
    return n;
}

static node *compile_single(pattern *p) {
    node *n;
    if (*p->at == '.') {
        n = new_node(p, ANY);
    } else if (*p->at == '[') {
        n = new_node(p, SET);
        p->at++;
        if (*p->at == '^') n->negated = true, p->at++;
        n->set = p->at;
        while (*p->at != ']') p->at++;
    } else {
        if (*p->at == '\\') p->at++;
        n = new_node(p, CHAR);
        n->character = (uint8_t)*p->at;
    }
    p->at++;
    return n;
}

/* A sequence up to | or ) or the end, and then `after`. */
static node *compile_sequence(pattern *p, node *after) {
    if (*p->at == 0 || *p->at == '|' || *p->at == ')') return after;
    if (*p->at == '(') {
        p->at++;
        node *open = new_node(p, OPEN), *close = new_node(p, CLOSE);
        open->character = close->character = p->groups++;
        node *first = compile_sequence(p, close);
        open->next = first;
        while (*p->at == '|') {
            p->at++;
            node *branch = new_node(p, BRANCH);
            branch->sub = open->next;
            branch->other = compile_sequence(p, close);
            open->next = branch;
        }
        p->at++;
        close->next = compile_sequence(p, after);
        return open;
    }
    node *single = compile_single(p);
    if (*p->at == '*' || *p->at == '+' || *p->at == '?') {
        node *repeat = new_node(p, REPEAT);
        repeat->sub = single;
        repeat->min = *p->at == '+';
        repeat->max = *p->at == '?' ? 1 : UINT16_MAX;
        p->at++;
        single = repeat;
    }
    single->next = compile_sequence(p, after);
    return single;
}

static const node *compile(pattern *p, const char *text) {
    *p = (pattern){.at = text};
    return compile_sequence(p, new_node(p, END));
}

/* ---- Matching ------------------------------------------------------------------------------------------ */

static bool in_set(const node *n, uint8_t c) {
    bool found = false;
    for (const char *s = n->set; *s != ']'; s++) {
        if (s[1] == '-' && s[2] != ']') {
            found |= c >= (uint8_t)s[0] && c <= (uint8_t)s[2];
            s += 2;
        } else {
            found |= c == (uint8_t)*s;
        }
    }
    return found != n->negated;
}

static KERNEL_NOINLINE bool match_one(const node *n, const match *m, const char *at) {
    if (at >= m->end) return false;
    return n->kind == ANY || (n->kind == CHAR ? (uint8_t)*at == n->character : in_set(n, (uint8_t)*at));
}

static bool match_here(const node *n, match *m, const char *at);

static KERNEL_NOINLINE bool match_repeat(const node *n, match *m, const char *at) {
    uint32_t count = 0;
    while (count < n->max && match_one(n->sub, m, at + count)) count++;
    for (;; count--) {
        if (count < n->min) return false;
        if (match_here(n->next, m, at + count)) return true;
        if (count == 0) return false;
    }
}

static KERNEL_NOINLINE bool match_group(const node *n, match *m, const char *at) {
    const char **mark = n->kind == OPEN ? &m->open[n->character] : &m->close[n->character];
    const char *kept = *mark;
    *mark = at;
    if (match_here(n->next, m, at)) return true;
    *mark = kept;
    return false;
}

static KERNEL_NOINLINE bool match_here(const node *n, match *m, const char *at) {
    for (;; n = n->next, at++) {
        m->steps++;
        switch (n->kind) {
        case END: return at == m->end;
        case REPEAT: return match_repeat(n, m, at);
        case OPEN:
        case CLOSE: return match_group(n, m, at);
        case BRANCH: return match_here(n->other, m, at) || match_here(n->sub, m, at);
        default:
            if (!match_one(n, m, at)) return false;
        }
    }
}

/* ---- The kernel ---------------------------------------------------------------------------------------- */

typedef struct fields {
    char address[16], path[40];
    uint32_t status, size;
} fields;

static char lines[LINES][128];
static fields expected[LINES];

static char *put(char *out, const char *string) {
    size_t size = strlen(string);
    memcpy(out, string, size + 1);
    return out + size;
}

static char *put_number(char *out, uint32_t number) {
    if (number >= 10) out = put_number(out, number / 10);
    *out = (char)('0' + number % 10);
    out[1] = 0;
    return out + 1;
}

static void kernel_prepare(void) {
    static const char *const paths[] = {"/", "/index.html", "/a/b/c?x=1&y=2", "/search?q=\\\"x\\\"",
                                        "/img/logo.png"};
    static const uint32_t codes[] = {200, 304, 404, 500};
    uint32_t seed = 21;
    for (int i = 0; i < LINES; i++) {
        uint32_t r = kernel_random(&seed) >> 8;
        fields *f = &expected[i];
        char *out = put_number(f->address, r % 250);
        put_number(put(put_number(put(put_number(put(out, "."), 7), "."), 0), "."), r / 250 % 200);
        put(f->path, paths[r % 5]);
        f->status = codes[r / 16 % 4];
        f->size = r % 100000;
        out = put(put(lines[i], f->address), " - - [22/Nov/2024:20:13:00 +0000] \"");
        out = put(put(put(out, r % 2 ? "GET " : "POST "), f->path), " HTTP/1.1\" ");
        put_number(put(put_number(out, f->status), " "), f->size);
    }
}

static bool same(const match *m, int group, const char *string) {
    size_t size = (size_t)(m->close[group] - m->open[group]);
    return strlen(string) == size && memcmp(m->open[group], string, size) == 0;
}

static int kernel_round(void) {
    static pattern p;
    const node *start =
        compile(&p, "([0-9.]+) .* \\[(.*)\\] \"(GET|POST) (.+) HTTP/[0-9.]+\" ([0-9]+) ([0-9]+)");
    for (int i = 0; i < LINES; i++) {
        const fields *f = &expected[i];
        match m = {.end = lines[i] + strlen(lines[i])};
        if (!match_here(start, &m, lines[i])) return 1;
        if (!same(&m, 0, f->address) || !same(&m, 3, f->path)) return 2;
        if (strtoul(m.open[4], NULL, 10) != f->status || strtoul(m.open[5], NULL, 10) != f->size) return 3;
        m = (match){.end = strrchr(lines[i], ' ') + 1};
        if (match_here(start, &m, lines[i])) return 4; /* the size is missing */
    }
    /* Where backtracking is slow: of the 2^10 ways to take the optional letters only the last one matches. */
    start = compile(&p, "a?a?a?a?a?a?a?a?a?a?aaaaaaaaaa");
    static const char letters[] = "aaaaaaaaaa";
    match m = {.end = letters + 10};
    if (!match_here(start, &m, letters)) return 5;
    return p.count > MAX_NODES ? 6 : 0; /* then nodes were used twice */
}

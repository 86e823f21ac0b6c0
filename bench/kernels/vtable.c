/* Calls through pointers: shapes with a table of methods each, and a chain of filters that are chosen at run
 * time. The same sums are worked out again with a switch. */
#include "kernel.h"

#define SHAPES  600
#define FILTERS 7

typedef struct shape shape;

typedef struct methods {
    int64_t (*twice_area)(const shape *s);
    int64_t (*border)(const shape *s); /* in city-block distance */
    void (*scale)(shape *s, int32_t by);
    const char *name;
} methods;

typedef struct point {
    int32_t x, y;
} point;

struct shape {
    const methods *methods;
    point a, b, c; /* a rectangle has two corners, a triangle three */
    int32_t side;  /* of a square */
};

static inline int64_t distance(point a, point b) {
    return llabs((int64_t)a.x - b.x) + llabs((int64_t)a.y - b.y);
}

static int64_t square_twice_area(const shape *s) {
    return 2 * (int64_t)s->side * s->side;
}

static int64_t square_border(const shape *s) {
    return 4 * (int64_t)s->side;
}

static void square_scale(shape *s, int32_t by) {
    s->side *= by;
}

static int64_t rectangle_twice_area(const shape *s) {
    return 2 * llabs(((int64_t)s->b.x - s->a.x) * ((int64_t)s->b.y - s->a.y));
}

static int64_t rectangle_border(const shape *s) {
    return 2 * distance(s->a, s->b);
}

static void rectangle_scale(shape *s, int32_t by) {
    s->a.x *= by, s->a.y *= by, s->b.x *= by, s->b.y *= by;
}

static int64_t triangle_twice_area(const shape *s) {
    return llabs(((int64_t)s->b.x - s->a.x) * ((int64_t)s->c.y - s->a.y) -
                 ((int64_t)s->c.x - s->a.x) * ((int64_t)s->b.y - s->a.y));
}

static int64_t triangle_border(const shape *s) {
    return distance(s->a, s->b) + distance(s->b, s->c) + distance(s->c, s->a);
}

static void triangle_scale(shape *s, int32_t by) {
    rectangle_scale(s, by);
    s->c.x *= by, s->c.y *= by;
}

static const methods square = {square_twice_area, square_border, square_scale, "square"};
static const methods rectangle = {rectangle_twice_area, rectangle_border, rectangle_scale, "rectangle"};
static const methods triangle = {triangle_twice_area, triangle_border, triangle_scale, "triangle"};
static const methods *const kinds[3] = {&square, &rectangle, &triangle};

static shape input[SHAPES], shapes[SHAPES];

/* ---- Filters ------------------------------------------------------------------------------------------- */

typedef uint32_t filter(uint32_t value, uint32_t argument);

static uint32_t filter_add(uint32_t value, uint32_t argument) {
    return value + argument;
}
static uint32_t filter_xor(uint32_t value, uint32_t argument) {
    return value ^ argument;
}
static uint32_t filter_rotate(uint32_t value, uint32_t argument) {
    return value << argument % 32 | value >> (32 - argument % 32) % 32;
}
static uint32_t filter_multiply(uint32_t value, uint32_t argument) {
    return value * (argument | 1);
}

static filter *const filters[4] = {filter_add, filter_xor, filter_rotate, filter_multiply};

static KERNEL_NOINLINE uint32_t filter_directly(uint32_t kind, uint32_t value, uint32_t argument) {
    switch (kind) {
    case 0: return value + argument;
    case 1: return value ^ argument;
    case 2: return argument % 32 == 0 ? value : value << argument % 32 | value >> (32 - argument % 32);
    default: return value * (argument | 1);
    }
}

/* ---- The kernel ---------------------------------------------------------------------------------------- */

static void kernel_prepare(void) {
    uint32_t seed = 23;
    for (int i = 0; i < SHAPES; i++) {
        int32_t r[7];
        for (int j = 0; j < 7; j++) r[j] = (int32_t)(kernel_random(&seed) % 2001) - 1000;
        input[i] = (shape){
            kinds[(kernel_random(&seed) >> 8) % 3], {r[0], r[1]}, {r[2], r[3]}, {r[4], r[5]}, r[6] + 1001};
    }
}

static KERNEL_NOINLINE int64_t sum_directly(const shape *all, int64_t *borders) {
    int64_t areas = 0;
    *borders = 0;
    for (int i = 0; i < SHAPES; i++) {
        const shape *s = &all[i];
        if (s->methods == &square)
            areas += square_twice_area(s), *borders += square_border(s);
        else if (s->methods == &rectangle)
            areas += rectangle_twice_area(s), *borders += rectangle_border(s);
        else
            areas += triangle_twice_area(s), *borders += triangle_border(s);
    }
    return areas;
}

static int kernel_round(void) {
    int64_t direct_borders, direct_areas = sum_directly(input, &direct_borders);
    if (direct_areas != INT64_C(785047930) || direct_borders != INT64_C(2105674)) return 3; /* expected.py */
    memcpy(shapes, input, sizeof input);
    for (int32_t by = 1; by <= 3; by++) {
        int64_t areas = 0, borders = 0;
        for (int i = 0; i < SHAPES; i++) {
            areas += shapes[i].methods->twice_area(&shapes[i]);
            borders += shapes[i].methods->border(&shapes[i]);
        }
        /* Scaled by 1, 1 * 2 and 1 * 2 * 3 so far. */
        int64_t factor = by == 1 ? 1 : by == 2 ? 2 : 6;
        if (areas != factor * factor * direct_areas || borders != factor * direct_borders) return 1;
        for (int i = 0; i < SHAPES; i++) shapes[i].methods->scale(&shapes[i], by + 1);
    }
    for (uint32_t i = 0; i < SHAPES; i++) {
        uint32_t value = i, direct = i, choice = i * 2654435761u;
        for (uint32_t j = 0; j < FILTERS; j++, choice >>= 2) {
            value = filters[choice & 3](value, choice);
            direct = filter_directly(choice & 3, direct, choice);
        }
        if (value != direct) return 2;
    }
    return 0;
}

/* The sun and its four large planets under gravity: doubles, square roots, structs. The data and the energies
 * are those of the Computer Language Benchmarks Game's n-body problem; energy and momentum must also be kept.
 *  */
#include "kernel.h"

#include <math.h>

#define BODIES     5
#define STEPS      1000
#define DAYS       365.24 /* in a year: the unit of time */
#define SOLAR_MASS (4 * 3.141592653589793 * 3.141592653589793)

typedef struct vector {
    double x, y, z;
} vector;

typedef struct body {
    vector position, velocity; /* in astronomical units, and those a year */
    double mass;
} body;

static const body start[BODIES] = {
    {{0, 0, 0}, {0, 0, 0}, SOLAR_MASS},
    {{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01},
     {1.66007664274403694e-03 * DAYS, 7.69901118419740425e-03 * DAYS, -6.90460016972063023e-05 * DAYS},
     9.54791938424326609e-04 * SOLAR_MASS},
    {{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01},
     {-2.76742510726411899e-03 * DAYS, 4.99852801234917238e-03 * DAYS, 2.30417297573763929e-05 * DAYS},
     2.85885980666130812e-04 * SOLAR_MASS},
    {{1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01},
     {2.96460137564761618e-03 * DAYS, 2.37847173959480950e-03 * DAYS, -2.96589568540237556e-05 * DAYS},
     4.36624404335156298e-05 * SOLAR_MASS},
    {{1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01},
     {2.68067772490389322e-03 * DAYS, 1.62824170038242295e-03 * DAYS, -9.51592254519715870e-05 * DAYS},
     5.15138902046611451e-05 * SOLAR_MASS},
};

static void kernel_prepare(void) {}

static vector momentum(const body *bodies) {
    vector sum = {0, 0, 0};
    for (int i = 0; i < BODIES; i++) {
        sum.x += bodies[i].velocity.x * bodies[i].mass;
        sum.y += bodies[i].velocity.y * bodies[i].mass;
        sum.z += bodies[i].velocity.z * bodies[i].mass;
    }
    return sum;
}

static KERNEL_NOINLINE double energy(const body *bodies) {
    double total = 0;
    for (int i = 0; i < BODIES; i++) {
        const body *a = &bodies[i];
        total +=
            a->mass / 2 *
            (a->velocity.x * a->velocity.x + a->velocity.y * a->velocity.y + a->velocity.z * a->velocity.z);
        for (int j = i + 1; j < BODIES; j++) {
            const body *b = &bodies[j];
            double dx = a->position.x - b->position.x, dy = a->position.y - b->position.y,
                   dz = a->position.z - b->position.z;
            total -= a->mass * b->mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return total;
}

static KERNEL_NOINLINE void advance(body *bodies, double dt) {
    for (int i = 0; i < BODIES; i++) {
        body *a = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            body *b = &bodies[j];
            double dx = a->position.x - b->position.x, dy = a->position.y - b->position.y,
                   dz = a->position.z - b->position.z;
            double square = dx * dx + dy * dy + dz * dz, pull = dt / (square * sqrt(square));
            a->velocity.x -= dx * b->mass * pull;
            a->velocity.y -= dy * b->mass * pull;
            a->velocity.z -= dz * b->mass * pull;
            b->velocity.x += dx * a->mass * pull;
            b->velocity.y += dy * a->mass * pull;
            b->velocity.z += dz * a->mass * pull;
        }
    }
    for (int i = 0; i < BODIES; i++) {
        bodies[i].position.x += dt * bodies[i].velocity.x;
        bodies[i].position.y += dt * bodies[i].velocity.y;
        bodies[i].position.z += dt * bodies[i].velocity.z;
    }
}

static int kernel_round(void) {
    body bodies[BODIES];
    memcpy(bodies, start, sizeof bodies);
    vector sum = momentum(bodies);
    bodies[0].velocity = (vector){-sum.x / SOLAR_MASS, -sum.y / SOLAR_MASS, -sum.z / SOLAR_MASS};
    /* Printed with nine decimals there: before, and after 1000 steps. */
    if (!(fabs(energy(bodies) - -0.169075164) <= 1e-9)) return 1; /* not a number is wrong too */
    for (int i = 0; i < STEPS; i++) advance(bodies, 0.01);
    if (!(fabs(energy(bodies) - -0.169087605) <= 1e-9)) return 2;
    sum = momentum(bodies);
    return fabs(sum.x) + fabs(sum.y) + fabs(sum.z) <= 1e-12 ? 0 : 3;
}

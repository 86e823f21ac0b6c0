/* Dijkstra's shortest paths with a binary heap, over a graph stored as arrays. The result is proved each
 * time: no edge offers a shorter way, and every node has an edge that gives its distance. */
#include "kernel.h"

#define NODES     600
#define EDGES     (NODES * 5)
#define UNREACHED UINT32_MAX

typedef struct edge {
    uint16_t to;
    uint16_t length;
} edge;

static uint32_t first_edge[NODES + 1]; /* of each node, in `edges` */
static edge edges[EDGES];
static uint32_t distances[NODES];

static void kernel_prepare(void) {
    uint32_t seed = 38, at = 0;
    for (uint32_t node = 0; node < NODES; node++) {
        first_edge[node] = at;
        edges[at++] = (edge){(uint16_t)((node + 1) % NODES), 900}; /* a ring, so that everything is reached */
        for (int i = 1; i < 5; i++) {
            uint32_t to = (kernel_random(&seed) >> 8) % NODES,
                     length = (kernel_random(&seed) >> 8) % 1000 + 1;
            edges[at++] = (edge){(uint16_t)to, (uint16_t)length};
        }
    }
    first_edge[NODES] = at;
}

typedef struct heap {
    uint16_t nodes[NODES];
    uint16_t places[NODES]; /* of each node in `nodes` */
    uint32_t size;
} heap;

static heap open;

static inline void put_at(heap *h, uint32_t place, uint16_t node) {
    h->nodes[place] = node;
    h->places[node] = (uint16_t)place;
}

static KERNEL_NOINLINE void sift_up(heap *h, uint32_t place) {
    uint16_t node = h->nodes[place];
    for (; place > 0; place = (place - 1) / 2) {
        uint16_t parent = h->nodes[(place - 1) / 2];
        if (distances[parent] <= distances[node]) break;
        put_at(h, place, parent);
    }
    put_at(h, place, node);
}

static KERNEL_NOINLINE uint16_t take_nearest(heap *h) {
    uint16_t nearest = h->nodes[0], node = h->nodes[--h->size];
    uint32_t place = 0, child;
    while ((child = 2 * place + 1) < h->size) {
        if (child + 1 < h->size && distances[h->nodes[child + 1]] < distances[h->nodes[child]]) child++;
        if (distances[h->nodes[child]] >= distances[node]) break;
        put_at(h, place, h->nodes[child]);
        place = child;
    }
    put_at(h, place, node);
    return nearest;
}

static KERNEL_NOINLINE void shortest_paths(uint16_t start) {
    memset(distances, 0xFF, sizeof distances);
    open.size = 0;
    distances[start] = 0;
    put_at(&open, open.size++, start);
    while (open.size > 0) {
        uint16_t node = take_nearest(&open);
        for (uint32_t i = first_edge[node]; i < first_edge[node + 1]; i++) {
            uint16_t to = edges[i].to;
            uint32_t distance = distances[node] + edges[i].length;
            if (distance >= distances[to]) continue;
            bool is_new = distances[to] == UNREACHED;
            distances[to] = distance;
            if (is_new) put_at(&open, open.size++, to);
            sift_up(&open, open.places[to]);
        }
    }
}

static int kernel_round(void) {
    static bool has_way[NODES];
    for (uint16_t start = 0; start < NODES; start += 200) {
        shortest_paths(start);
        memset(has_way, 0, sizeof has_way);
        has_way[start] = distances[start] == 0;
        for (uint16_t node = 0; node < NODES; node++) {
            for (uint32_t i = first_edge[node]; i < first_edge[node + 1]; i++) {
                uint32_t distance = distances[node] + edges[i].length;
                if (distance < distances[edges[i].to]) return 1;
                if (distance == distances[edges[i].to]) has_way[edges[i].to] = true;
            }
        }
        for (uint16_t node = 0; node < NODES; node++) {
            if (distances[node] == UNREACHED || !has_way[node]) return 2;
        }
    }
    return 0;
}

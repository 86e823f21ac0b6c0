/* Trees of small allocations: perfect ones that are built, counted and freed, and a search tree that numbers
 * go into and out of. Measures malloc and free, and loads that depend on each other. */
#include "kernel.h"

#define DEPTH 9
#define KEYS  1000 /* less than 1009, which is prime */

typedef struct node {
    struct node *left, *right;
    uint32_t key;
} node;

static void kernel_prepare(void) {}

static KERNEL_NOINLINE node *perfect(int depth) {
    node *n = malloc(sizeof *n);
    if (n == NULL) return NULL;
    *n = (node){0};
    if (depth > 0) {
        n->left = perfect(depth - 1);
        n->right = perfect(depth - 1);
    }
    return n;
}

static KERNEL_NOINLINE uint32_t count(const node *n) {
    return n == NULL ? 0 : 1 + count(n->left) + count(n->right);
}

static KERNEL_NOINLINE void free_tree(node *n) {
    if (n == NULL) return;
    free_tree(n->left);
    free_tree(n->right);
    free(n);
}

static KERNEL_NOINLINE node **find(node **link, uint32_t key) {
    while (*link != NULL && (*link)->key != key) link = key < (*link)->key ? &(*link)->left : &(*link)->right;
    return link;
}

static KERNEL_NOINLINE bool insert(node **root, uint32_t key) {
    node **link = find(root, key);
    if (*link != NULL || (*link = malloc(sizeof **link)) == NULL) return false;
    **link = (node){.key = key};
    return true;
}

static KERNEL_NOINLINE bool take_out(node **root, uint32_t key) {
    node **link = find(root, key), *gone = *link;
    if (gone == NULL) return false;
    if (gone->left != NULL && gone->right != NULL) { /* the next larger key takes its place */
        node **next = &gone->right;
        while ((*next)->left != NULL) next = &(*next)->left;
        gone->key = (*next)->key;
        link = next;
        gone = *next;
    }
    *link = gone->left != NULL ? gone->left : gone->right;
    free(gone);
    return true;
}

/* Are the keys in order, each more than *last? */
static KERNEL_NOINLINE bool in_order(const node *n, int64_t *last, uint32_t *keys) {
    if (n == NULL) return true;
    if (!in_order(n->left, last, keys) || n->key <= *last) return false;
    *last = n->key;
    ++*keys;
    return in_order(n->right, last, keys);
}

static int search_tree(node **root) {
    /* i * 271 modulo the prime 1009 is a different key for each i. */
    for (uint32_t i = 1; i <= KEYS; i++) {
        if (!insert(root, i * 271 % 1009)) return 2;
    }
    if (insert(root, 271)) return 3;
    for (uint32_t i = 1; i <= KEYS; i += 2) {
        if (!take_out(root, i * 271 % 1009)) return 4;
    }
    int64_t last = -1;
    uint32_t keys = 0;
    if (!in_order(*root, &last, &keys) || keys != KEYS / 2) return 5;
    return *find(root, 2 * 271) == NULL || *find(root, 3 * 271) != NULL ? 6 : 0;
}

static int kernel_round(void) {
    for (int depth = 3; depth <= DEPTH; depth += 2) {
        node *tree = perfect(depth);
        uint32_t nodes = count(tree);
        free_tree(tree);
        if (nodes != (2u << depth) - 1) return 1;
    }
    node *root = NULL;
    int wrong = search_tree(&root);
    free_tree(root);
    return wrong;
}

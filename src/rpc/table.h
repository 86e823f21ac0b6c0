/* A hash table from 64-bit numbers to pointers, for calls and requests in flight. Only for the RPC room. */
#ifndef WPLUG_RPC_TABLE_H
#define WPLUG_RPC_TABLE_H

#include "base/base.h"

typedef struct rpc_slot {
    uint64_t key;
    void *value;
    bool used;
} rpc_slot;

/* Open addressing with linear probing. Keys are given out in sequence, so their low bits are the hash.
 * `capacity` is 0 or a power of two and at least twice `count`. */
typedef struct rpc_table {
    rpc_slot *slots;
    size_t capacity;
    size_t count;
    const base_allocator *allocator;
} rpc_table;

void rpc_table_init(rpc_table *table, const base_allocator *allocator);
void rpc_table_free(rpc_table *table);

/* Makes sure that the next rpc_table_put finds room. */
base_status rpc_table_reserve(rpc_table *table);

/* Adds a key that is not there; only after rpc_table_reserve. */
void rpc_table_put(rpc_table *table, uint64_t key, void *value);

/* The slot of a key, or NULL. Valid until the table changes. */
const rpc_slot *rpc_table_find(const rpc_table *table, uint64_t key);

/* Some slot in use, or NULL where the table is empty. */
const rpc_slot *rpc_table_any(const rpc_table *table);

/* Removes a key that is there. */
void rpc_table_remove(rpc_table *table, uint64_t key);

#endif

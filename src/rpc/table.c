/* Owns the table of what is in flight. */
#include "rpc/table.h"

enum { FIRST_CAPACITY = 8 };

void rpc_table_init(rpc_table *table, const base_allocator *allocator) {
    *table = (rpc_table){NULL, 0, 0, allocator};
}

void rpc_table_free(rpc_table *table) {
    base_free(table->allocator, table->slots, table->capacity * sizeof(rpc_slot));
    rpc_table_init(table, table->allocator);
}

static size_t home(const rpc_table *table, uint64_t key) {
    return (size_t)key & (table->capacity - 1);
}

static size_t after(const rpc_table *table, size_t index) {
    return (index + 1) & (table->capacity - 1);
}

static size_t find_index(const rpc_table *table, uint64_t key) {
    size_t index = home(table, key);
    while (table->slots[index].used && table->slots[index].key != key) index = after(table, index);
    return index;
}

base_status rpc_table_reserve(rpc_table *table) {
    if (table->count + 1 <= table->capacity / 2) return BASE_OK;
    rpc_table larger = *table;
    larger.capacity = table->capacity > 0 ? table->capacity * 2 : FIRST_CAPACITY;
    larger.count = 0;
    larger.slots = base_alloc_zeroed(table->allocator, larger.capacity, sizeof(rpc_slot));
    if (!larger.slots) return BASE_NO_MEMORY;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].used) rpc_table_put(&larger, table->slots[i].key, table->slots[i].value);
    rpc_table_free(table);
    *table = larger;
    return BASE_OK;
}

void rpc_table_put(rpc_table *table, uint64_t key, void *value) {
    table->slots[find_index(table, key)] = (rpc_slot){key, value, true};
    table->count++;
}

const rpc_slot *rpc_table_find(const rpc_table *table, uint64_t key) {
    if (table->count == 0) return NULL;
    const rpc_slot *slot = &table->slots[find_index(table, key)];
    return slot->used ? slot : NULL;
}

const rpc_slot *rpc_table_any(const rpc_table *table) {
    if (table->count == 0) return NULL;
    const rpc_slot *slot = table->slots;
    while (!slot->used) slot++;
    return slot;
}

/* What follows in the same run moves back into the gap, unless it already stands between its home and the
 * gap's other side, so that no search stops early. */
void rpc_table_remove(rpc_table *table, uint64_t key) {
    size_t gap = find_index(table, key);
    for (size_t next = after(table, gap); table->slots[next].used; next = after(table, next)) {
        size_t from_home = (next - home(table, table->slots[next].key)) & (table->capacity - 1);
        size_t from_gap = (next - gap) & (table->capacity - 1);
        if (from_home < from_gap) continue;
        table->slots[gap] = table->slots[next];
        gap = next;
    }
    table->slots[gap].used = false;
    table->count--;
}

/* The queens' problem twice: with arrays and recursion over rows, and with bit masks. */
#include "kernel.h"

#define SIZE 8

static void kernel_prepare(void) {}

typedef struct board {
    uint8_t column_taken[SIZE], up_taken[2 * SIZE], down_taken[2 * SIZE];
    uint8_t queens[SIZE]; /* the column of each row's queen */
    uint32_t solutions;
} board;

static KERNEL_NOINLINE void place(board *b, int row) {
    if (row == SIZE) {
        b->solutions++;
        return;
    }
    for (int column = 0; column < SIZE; column++) {
        int up = row + column, down = row - column + SIZE;
        if (b->column_taken[column] || b->up_taken[up] || b->down_taken[down]) continue;
        b->column_taken[column] = b->up_taken[up] = b->down_taken[down] = 1;
        b->queens[row] = (uint8_t)column;
        place(b, row + 1);
        b->column_taken[column] = b->up_taken[up] = b->down_taken[down] = 0;
    }
}

static KERNEL_NOINLINE uint32_t place_bits(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == all) return 1;
    uint32_t solutions = 0;
    for (uint32_t open = all & ~(columns | left | right); open != 0; open &= open - 1) {
        uint32_t here = open & -open;
        solutions += place_bits(all, columns | here, (left | here) << 1, (right | here) >> 1);
    }
    return solutions;
}

static int kernel_round(void) {
    board b = {0};
    place(&b, 0);
    if (b.solutions != 92) return 1; /* OEIS A000170, for 8 and 9 */
    uint32_t all = (1u << 9) - 1;
    KERNEL_HIDE(all);
    return place_bits(all, 0, 0, 0) != 352 ? 2 : 0;
}

/* Owns runs: slices of fuel. */
#include "spec.h"

/* No script spends nearly as much: one that does is caught in a loop. */
static const int64_t most_fuel = INT64_C(20000000000);

/* Slices without progress: more than the longest stretch of code that is charged at once. */
static const uint32_t most_idle_slices = 1000000;

/* With two threads a run moves to the other one after each of its first slices, then less often: moving takes time. */
static const uint32_t often_moved = 256, later_stretch = 4096;

void spec_run_slices(spec_progress *run, uint32_t slices) {
    for (uint32_t i = 0; i < slices && !run->ended; i++) {
        run->outcome = engine_exec_run(run->exec, run->slice);
        uint64_t used = engine_exec_fuel_used(run->exec);
        run->idle = used == run->used ? run->idle + 1 : 0;
        run->used = used;
        run->ended = run->outcome == ENGINE_FINISHED || run->outcome == ENGINE_TRAPPED ||
                     used >= (uint64_t)most_fuel || run->idle > most_idle_slices;
    }
}

engine_outcome spec_run(const spec_options *options, engine_exec *exec) {
    spec_progress run = {.exec = exec, .slice = options->slice ? options->slice : most_fuel};
    for (uint32_t turn = 0; !run.ended; turn++) {
        uint32_t slices = turn < often_moved ? 1 : later_stretch;
        if (options->relay && turn % 2)
            spec_relay_run(options->relay, &run, slices);
        else
            spec_run_slices(&run, slices);
    }
    return run.outcome;
}

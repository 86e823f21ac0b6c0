/* Answers of the engine as lines of text, so that builds for different machines, dispatch schemes and slices can be
 * compared:
 *
 *     fuel F: returned TYPE:BITS...
 *     fuel F: trapped: TEXT, N frames FUNCTION+OFFSET...
 *     memory M: SIZE bytes, HASH
 *
 * References are tokens, and these count from the store's first function, so that they are the same everywhere. */
#ifndef WPLUG_TESTS_ANSWERS_H
#define WPLUG_TESTS_ANSWERS_H

#include "engine/engine.h"

#include <stdio.h>

/* What a run came to. */
void answers_write_run(FILE *to, engine_outcome outcome, const engine_exec *exec);
/* What an instance's memories hold: a line for each, which begins with `label`. */
void answers_write_memories(FILE *to, const char *label, const engine_instance *instance);

#endif
